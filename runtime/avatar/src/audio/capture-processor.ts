/** Runs in the audio thread: the microphone as PCM, 16 bit, 16 kHz, mono. */

declare const sampleRate: number;
declare function registerProcessor(name: string, processor: unknown): void;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}

const RATE = 16000;
const BLOCK = 1600;

class Capture extends AudioWorkletProcessor {
  private block = new Int16Array(BLOCK);
  private filled = 0;
  private position = 0;
  private sum = 0;
  private count = 0;

  process(inputs: Float32Array[][]): boolean {
    for (const sample of inputs[0]?.[0] ?? []) this.take(sample);
    return true;
  }

  /** Every output sample is the mean of the input samples that fall into it. */
  private take(sample: number): void {
    this.sum += sample;
    this.count += 1;
    this.position += RATE / sampleRate;
    while (this.position >= 1) {
      this.position -= 1;
      const mean = Math.max(-1, Math.min(1, this.sum / Math.max(1, this.count)));
      this.put(Math.round(mean * 32767));
      if (this.position < 1) this.sum = this.count = 0;
    }
  }

  private put(value: number): void {
    this.block[this.filled] = value;
    this.filled += 1;
    if (this.filled < BLOCK) return;
    this.port.postMessage(this.block.buffer, [this.block.buffer]);
    this.block = new Int16Array(BLOCK);
    this.filled = 0;
  }
}

registerProcessor("capture", Capture);
