/** Which sample of the turn is heard at a time of the audio clock. */

interface Anchor {
  /** Seconds of the AudioContext's clock. */
  time: number;
  /** Sample of the turn that is handed over at that time. */
  sample: number;
  running: boolean;
}

const KEPT = 512;

export class Timeline {
  private anchors: Anchor[] = [];

  constructor(private readonly rate: number) {}

  /** Sound runs from `sample` on at `time`, until another mark says otherwise. */
  run(time: number, sample: number): void {
    this.add({ time, sample, running: true });
  }

  /** Sound stands at `sample` from `time` on: an underrun, or the end. */
  stop(time: number, sample: number): void {
    this.add({ time, sample, running: false });
  }

  clear(): void {
    this.anchors = [];
  }

  /** The sample heard at `time`; never more than was marked as handed over after it. */
  sampleAt(time: number): number {
    const { anchors } = this;
    let index = anchors.length - 1;
    while (index >= 0 && anchors[index].time > time) index -= 1;
    if (index < 0) return anchors.length ? Math.min(anchors[0].sample, 0) : 0;
    const anchor = anchors[index];
    if (!anchor.running) return anchor.sample;
    const reached = anchor.sample + (time - anchor.time) * this.rate;
    const next = anchors[index + 1];
    return next ? Math.min(reached, next.sample) : reached;
  }

  private add(anchor: Anchor): void {
    this.anchors.push(anchor);
    if (this.anchors.length > KEPT) this.anchors.splice(0, KEPT / 2);
  }
}
