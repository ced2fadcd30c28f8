/** An audio thread whose quanta and letters are delivered by the test. */

import { Loudspeaker } from "./sound.ts";

const QUANTUM = 128;

class Port {
  onmessage: ((event: { data: unknown }) => void) | undefined;
  private readonly letters: unknown[] = [];
  peer: Port | undefined;

  postMessage(letter: unknown): void {
    this.peer?.letters.push(structuredClone(letter));
  }

  /** Let the letters that wait here be read. */
  deliver(): void {
    for (const data of this.letters.splice(0)) this.onmessage?.({ data });
  }
}

/** Let the page read what the audio thread has told it. */
export function letters(): void {
  thread.peer?.deliver();
}

interface Processor {
  process(inputs: unknown, outputs: Float32Array[][]): boolean;
}

let made: new (options: object) => Processor;
let thread: Port;
let running: Processor;

class Node {
  readonly port = new Port();

  constructor(_context: unknown, _name: string, options: object) {
    thread = new Port();
    thread.peer = this.port;
    this.port.peer = thread;
    running = new made(options);
  }

  connect(): void {}
}

class Base {
  readonly port = thread;
}

Object.assign(globalThis, {
  AudioWorkletNode: Node,
  AudioWorkletProcessor: Base,
  registerProcessor: (_name: string, processor: typeof made) => (made = processor),
  currentTime: 0,
  sampleRate: new Loudspeaker().sampleRate,
});

/** A loudspeaker that the audio thread hands its sound to; what sounds is what it handed over. */
export class Threaded extends Loudspeaker {
  readonly audioWorklet = { addModule: (): Promise<void> => Promise.resolve() };
  private frames = 0;

  /** Let the audio thread work for a while; it hears of the page what was posted before. */
  run(seconds: number): void {
    for (const end = this.now + seconds; this.now < end; ) {
      thread.deliver();
      Object.assign(globalThis, { currentTime: this.now });
      const out = new Float32Array(QUANTUM);
      running.process([], [[out]]);
      const samples = [...out].map((value) => Math.round(value * 32768));
      const from = this.now;
      this.frames += QUANTUM;
      this.now = this.frames / this.sampleRate;
      this.sounds.push({ from, to: this.now, samples });
    }
  }
}
