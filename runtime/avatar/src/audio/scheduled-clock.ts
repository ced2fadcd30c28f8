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
  private next = 0;
  private running = false;

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
    this.running = false;
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
    return this.timeline.sampleAt(heardTime(this.context));
  }

  report(): Report {
    const { underruns } = this.buffer;
    const ahead = this.running ? this.buffer.played - this.heard() : 0;
    const buffered = this.buffer.buffered + Math.max(0, Math.round(ahead));
    return { buffered, underruns, drained: this.buffer.drained };
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
    while (this.next < this.context.currentTime + ahead) {
      const block = new Float32Array(BLOCK);
      const sample = this.buffer.played;
      const taken = this.buffer.pull(block);
      if (taken) this.schedule(block.subarray(0, taken), sample);
      if (taken < BLOCK) break;
    }
  }

  private schedule(block: Float32Array<ArrayBuffer>, sample: number): void {
    const { context } = this;
    const soonest = context.currentTime + LEAD;
    if (!this.running || this.next < soonest) {
      this.next = Math.max(this.next, soonest);
      this.timeline.run(this.next, sample);
    }
    const audio = context.createBuffer(1, block.length, context.sampleRate);
    audio.copyToChannel(block, 0);
    const source = context.createBufferSource();
    source.buffer = audio;
    source.connect(this.gain);
    source.onended = () => this.sources.delete(source);
    source.start(this.next);
    this.sources.add(source);
    this.next += block.length / context.sampleRate;
    this.running = this.buffer.playing;
    if (!this.running) this.timeline.stop(this.next, sample + block.length);
  }
}
