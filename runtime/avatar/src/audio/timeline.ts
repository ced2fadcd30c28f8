/** Which sample of the turn is heard at a time of the audio clock. */

interface Mark {
  /** Seconds of the AudioContext's clock. */
  time: number;
  /** Sample of the turn that is handed over at that time. */
  sample: number;
  /** How far sound surely runs from there on; beyond it nobody knows yet. */
  until: number;
}

const KEPT = 512;

export class Timeline {
  private marks: Mark[] = [];
  private latest = 0;

  constructor(private readonly rate: number) {}

  /** Sound runs from `sample` on at `time`, and surely as far as `until`; there it stands without another mark. */
  run(time: number, sample: number, until: number): void {
    this.marks.push({ time, sample, until });
    if (this.marks.length > KEPT) this.marks.splice(0, KEPT / 2);
  }

  /** Sound stands at `sample` from `time` on: an underrun, or the end. */
  stop(time: number, sample: number): void {
    this.run(time, sample, sample);
  }

  clear(): void {
    this.marks = [];
    this.latest = 0;
  }

  /** The sample heard at `time`; never one that was not marked as handed over. */
  sampleAt(time: number): number {
    const { marks } = this;
    let index = marks.length - 1;
    while (index >= 0 && marks[index].time > time) index -= 1;
    if (index < 0) return 0;
    const { time: began, sample, until } = marks[index];
    const next = marks[index + 1]?.sample ?? until;
    return Math.min(sample + (time - began) * this.rate, until, next);
  }

  /**
   * The sample heard now, where `time` is the browser's estimate of what its loudspeaker has
   * reached: that estimate may go back, what was heard of a turn does not.
   */
  heard(time: number): number {
    this.latest = Math.max(this.latest, this.sampleAt(time));
    return this.latest;
  }
}
