/** Runs in the audio thread: hands samples of the turn to the loudspeaker and says which. */

import { JitterBuffer } from "./jitter.ts";
import type { FromWorklet, ToWorklet } from "./worklet-protocol.ts";

declare const currentTime: number;
declare const sampleRate: number;
declare function registerProcessor(name: string, processor: unknown): void;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}

const REPORT_QUANTA = 4;

class Playback extends AudioWorkletProcessor {
  private readonly buffer: JitterBuffer;
  private generation = 0;
  private quanta = 0;
  private running = false;

  constructor(options: { processorOptions: { startSeconds: number } }) {
    super();
    this.buffer = new JitterBuffer(Math.round(options.processorOptions.startSeconds * sampleRate));
    this.port.onmessage = (event: MessageEvent<ToWorklet>) => this.take(event.data);
  }

  process(_inputs: unknown, outputs: Float32Array[][]): boolean {
    const before = this.buffer.played;
    const out = outputs[0][0];
    const taken = this.buffer.pull(out);
    const ran = taken > 0;
    this.quanta += 1;
    if (ran !== this.running || this.quanta >= REPORT_QUANTA) this.tell(currentTime, before, ran);
    if (ran && taken < out.length) this.tell(currentTime + taken / sampleRate, before + taken, false);
    return true;
  }

  private take(message: ToWorklet): void {
    if (message.kind === "push") this.buffer.push(message.samples);
    else if (message.kind === "finish") this.buffer.finish();
    else {
      this.buffer.clear();
      this.generation = message.generation;
      this.running = false;
    }
  }

  private tell(time: number, sample: number, running: boolean): void {
    this.quanta = 0;
    this.running = running;
    const { played, buffered, underruns, drained } = this.buffer;
    const { generation } = this;
    const until = running ? played + buffered : sample;
    const report: FromWorklet = { generation, time, sample, until, buffered, underruns, drained };
    this.port.postMessage(report);
  }
}

registerProcessor("playback", Playback);
