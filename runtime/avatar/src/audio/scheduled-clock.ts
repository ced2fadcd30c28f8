/** Sound by scheduled buffers: for origins without AudioWorklet, such as plain http in a LAN. */

import { type AudioClock, type Report, START_SECONDS, heardTime } from "./clock.ts";
import { JitterBuffer, toFloat } from "./jitter.ts";
import { Timeline } from "./timeline.ts";

const TICK_MS = 25;
const BLOCK = 1024;
const LEAD = 0.02;
/** Seconds scheduled ahead; hidden pages are woken once a second only. */
const AHEAD = 0.16;
const AHEAD_HIDDEN = 1.3;

export class ScheduledClock implements AudioClock {
  readonly kind = "scheduled";
  private readonly buffer: JitterBuffer;
  private readonly timeline: Timeline;
  private readonly sources = new Set<AudioBufferSourceNode>();
  private readonly timer: number;
  private gain: GainNode;
  /** Frame of the context's clock at which what was scheduled ends: whole, so that blocks meet exactly. */
  private next = 0;
  /** How often sound stood because the page came too late, although more of it was here. */
  private late = 0;

  constructor(readonly context: AudioContext) {
    this.buffer = new JitterBuffer(Math.round(START_SECONDS * context.sampleRate));
    this.timeline = new Timeline(context.sampleRate);
    this.gain = this.output();
    this.timer = window.setInterval(() => this.tick(), TICK_MS);
  }

  reset(): void {
    const silenced = this.gain;
    silenced.gain.setTargetAtTime(0, this.context.currentTime, 0.002);
    for (const source of this.sources) source.stop(this.context.currentTime + 0.01);
    window.setTimeout(() => silenced.disconnect(), 50);
    this.gain = this.output();
    this.sources.clear();
    this.buffer.clear();
    this.timeline.clear();
    this.next = 0;
  }

  push(samples: Int16Array): void {
    this.buffer.push(toFloat(samples));
    this.tick();
  }

  finish(): void {
    this.buffer.finish();
    this.tick();
  }

  heard(): number {
    return this.timeline.heard(heardTime(this.context));
  }

  report(): Report {
    const { buffered, played, underruns, drained } = this.buffer;
    const ahead = Math.max(0, Math.round(played - this.heard()));
    return { buffered: buffered + ahead, underruns: underruns + this.late, drained };
  }

  async close(): Promise<void> {
    window.clearInterval(this.timer);
    await this.context.close();
  }

  private output(): GainNode {
    const gain = this.context.createGain();
    gain.connect(this.context.destination);
    return gain;
  }

  private tick(): void {
    if (this.context.state !== "running") return;
    const ahead = document.hidden ? AHEAD_HIDDEN : AHEAD;
    while (this.next < this.frame(ahead) && this.fill());
  }

  /** The frame that the context's clock has in so many seconds. */
  private frame(seconds: number): number {
    return Math.ceil((this.context.currentTime + seconds) * this.context.sampleRate);
  }

  /** Schedule a block; false when there is no sound for it. */
  private fill(): boolean {
    const { buffer } = this;
    // What runs out has not run out: as long as the last block sounds, more may come in time.
    if (buffer.playing && !buffer.buffered && this.next > this.frame(0)) return false;
    if (buffer.playing && buffer.buffered && this.next < this.frame(LEAD)) this.late += 1;
    const sample = buffer.played;
    const block = new Float32Array(Math.min(BLOCK, Math.max(1, buffer.buffered)));
    if (!buffer.pull(block)) return false;
    this.schedule(block, sample);
    return true;
  }

  /** A browser that is held up here begins a block late: its end is cut, for the next one begins in time. */
  private schedule(block: Float32Array<ArrayBuffer>, sample: number): void {
    const { context } = this;
    const rate = context.sampleRate;
    const start = Math.max(this.next, this.frame(LEAD));
    this.next = start + block.length;
    this.timeline.run(start / rate, sample, sample + block.length);
    const audio = context.createBuffer(1, block.length, rate);
    audio.copyToChannel(block, 0);
    const source = context.createBufferSource();
    source.buffer = audio;
    source.connect(this.gain);
    source.onended = () => this.sources.delete(source);
    source.start(start / rate);
    source.stop(this.next / rate);
    this.sources.add(source);
  }
}
