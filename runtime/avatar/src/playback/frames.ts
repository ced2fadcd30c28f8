/** The face of a turn: frames as they arrived, and the weights in between. */

const KEPT_SECONDS = 4;

export class FrameTrack {
  private rows = new Map<number, Uint8Array>();
  private first = 0;
  /** One past the last frame that is here. */
  end = 0;

  constructor(
    readonly shapes: number,
    readonly fps: number,
    readonly sampleRate: number,
  ) {}

  /** Take frames that follow each other; `weights` holds a row of bytes for each. */
  push(firstFrame: number, count: number, weights: Uint8Array): void {
    for (let index = 0; index < count; index += 1) {
      const row = weights.subarray(index * this.shapes, (index + 1) * this.shapes);
      this.rows.set(firstFrame + index, row);
    }
    this.end = Math.max(this.end, firstFrame + count);
  }

  clear(): void {
    this.rows.clear();
    this.first = this.end = 0;
  }

  /** Sample of the turn that a frame belongs to. */
  sampleOf(frame: number): number {
    return Math.round((frame * this.sampleRate) / this.fps);
  }

  /**
   * Write the weights at a sample into `out`, frames on both sides blended.
   * Returns the sample that what was written belongs to: the asked one, or that of the last frame
   * where later ones are not here; undefined before the first.
   */
  at(sample: number, out: Float32Array): number | undefined {
    if (this.end === 0) return undefined;
    const position = Math.max(0, (sample * this.fps) / this.sampleRate);
    const frame = Math.min(Math.floor(position), this.end - 1);
    const before = this.rows.get(frame);
    if (!before) return undefined;
    const after = this.rows.get(frame + 1);
    this.forget(frame);
    const share = after ? position - frame : 0;
    for (let index = 0; index < this.shapes; index += 1) {
      const low = before[index];
      out[index] = (low + share * ((after ? after[index] : low) - low)) / 255;
    }
    return after ? sample : Math.min(sample, this.sampleOf(frame + 1));
  }

  private forget(frame: number): void {
    const until = frame - KEPT_SECONDS * this.fps;
    for (; this.first < until; this.first += 1) this.rows.delete(this.first);
  }
}
