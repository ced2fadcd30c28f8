/** The buffer between the network and the loudspeaker; runs in the audio thread or beside it. */

const FADE = 96;

export class JitterBuffer {
  /** Samples of the turn that were handed to the loudspeaker. */
  played = 0;
  /** Samples that wait. */
  buffered = 0;
  playing = false;
  /** How often sound ran out before its end. */
  underruns = 0;
  private chunks: Float32Array[] = [];
  private offset = 0;
  private finished = false;
  private fading = 0;
  private last = 0;

  /** `start`: samples that must wait before sound starts, or starts again. */
  constructor(private readonly start: number) {}

  push(samples: Float32Array): void {
    if (!samples.length) return;
    this.chunks.push(samples);
    this.buffered += samples.length;
  }

  /** No more sound of this turn comes: play what is left, however little. */
  finish(): void {
    this.finished = true;
  }

  /** Everything was handed over and no more comes. */
  get drained(): boolean {
    return this.finished && this.buffered === 0;
  }

  /** Forget the turn; what still sounds fades within four milliseconds, so that nothing clicks. */
  clear(): void {
    this.fading = this.playing ? FADE : 0;
    this.chunks = [];
    this.offset = this.buffered = this.played = 0;
    this.finished = this.playing = false;
  }

  /** Fill `out`; returns how many of its first samples belong to the turn, the rest is silence. */
  pull(out: Float32Array): number {
    if (!this.playing && (this.buffered >= this.start || (this.finished && this.buffered > 0))) {
      this.playing = true;
    }
    const taken = this.playing ? this.take(out) : 0;
    this.silence(out, taken);
    if (this.playing && this.buffered === 0 && taken < out.length) {
      this.playing = false;
      if (!this.finished) this.underruns += 1;
    }
    this.played += taken;
    return taken;
  }

  private take(out: Float32Array): number {
    let filled = 0;
    while (filled < out.length && this.chunks.length) {
      const chunk = this.chunks[0];
      const count = Math.min(out.length - filled, chunk.length - this.offset);
      out.set(chunk.subarray(this.offset, this.offset + count), filled);
      filled += count;
      this.offset += count;
      if (this.offset === chunk.length) {
        this.chunks.shift();
        this.offset = 0;
      }
    }
    this.buffered -= filled;
    if (filled) this.last = out[filled - 1];
    return filled;
  }

  private silence(out: Float32Array, from: number): void {
    for (let index = from; index < out.length; index += 1) {
      out[index] = this.fading > 0 ? (this.last * this.fading) / FADE : 0;
      if (this.fading > 0) this.fading -= 1;
    }
  }
}

/** PCM of 16 bit as the floats that the Web Audio API takes. */
export function toFloat(samples: Int16Array): Float32Array {
  const out = new Float32Array(samples.length);
  for (let index = 0; index < samples.length; index += 1) out[index] = samples[index] / 32768;
  return out;
}
