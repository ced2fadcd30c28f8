/** What the read-out and the tests see: skew, drawn frames, latency; the newest values only. */

const KEPT = 600;
const FPS_WINDOW = 1000;

export class Stats {
  /** Applied frame's media time minus the audio clock in the same animation frame, milliseconds. */
  readonly skewMs: number[] = [];
  /** Samples of the turn whose face was applied, in order of drawing. */
  readonly appliedSamples: number[] = [];
  drawn = 0;
  firstAudioMs: number | undefined;
  private times: number[] = [];
  private asked: number | undefined;

  draw(now: number): void {
    this.drawn += 1;
    this.times.push(now);
    while (this.times.length && this.times[0] < now - FPS_WINDOW) this.times.shift();
  }

  /** Animation frames of the last second. */
  get fps(): number {
    return this.times.length;
  }

  apply(sample: number, skewMs: number): void {
    keep(this.appliedSamples, sample);
    keep(this.skewMs, skewMs);
  }

  /** A new turn counts its samples from 0 again. */
  beginTurn(): void {
    this.appliedSamples.length = 0;
  }

  ask(now: number): void {
    this.asked = now;
  }

  /** The first sound of an answer sounds now. */
  hear(now: number): void {
    if (this.asked !== undefined) this.firstAudioMs = now - this.asked;
    this.asked = undefined;
  }

  /** The value that 95 of 100 skews stay within; undefined before the first. */
  get skewP95(): number | undefined {
    if (!this.skewMs.length) return undefined;
    const sorted = this.skewMs.map(Math.abs).sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.95))];
  }
}

function keep(list: number[], value: number): void {
  list.push(value);
  if (list.length > KEPT) list.shift();
}
