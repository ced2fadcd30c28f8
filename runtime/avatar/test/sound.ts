/** A loudspeaker whose time is made by the test: what the page hands over, and what sounds when. */

import { ScheduledClock } from "../src/audio/scheduled-clock.ts";

/** A stretch of sound; the values of its samples are their numbers in the turn. */
interface Sound {
  from: number;
  to: number;
  samples: number[];
}

class Source {
  buffer: { samples: number[] } | undefined;
  onended: (() => void) | undefined;
  private sound: Sound | undefined;

  constructor(private readonly speaker: Loudspeaker) {}

  connect(): void {}

  /** As browsers do: what comes too late begins now, and is played to its end. */
  start(when: number): void {
    const { now, sampleRate } = this.speaker;
    const from = Math.max(when, now);
    const samples = this.buffer?.samples ?? [];
    this.sound = { from, to: from + samples.length / sampleRate, samples };
    this.speaker.sounds.push(this.sound);
  }

  stop(when: number): void {
    if (this.sound) this.sound.to = Math.min(this.sound.to, when);
  }
}

/** An AudioContext for the clock. */
export class Loudspeaker {
  readonly sampleRate = 22050;
  readonly state = "running";
  readonly outputLatency = 0;
  readonly sounds: Sound[] = [];
  now = 0;
  /** Seconds for which the page is not run, once, between its look at the clock and the start of a sound. */
  held = 0;
  stamp: AudioTimestamp | undefined;

  get currentTime(): number {
    return this.now;
  }

  getOutputTimestamp(): AudioTimestamp {
    return this.stamp ?? {};
  }

  createGain(): object {
    return { gain: { setTargetAtTime: () => undefined }, connect: () => undefined, disconnect: () => undefined };
  }

  createBuffer(_channels: number, length: number): object {
    const samples = new Array<number>(length).fill(0);
    const copyToChannel = (values: Float32Array): void =>
      values.forEach((value, index) => (samples[index] = Math.round(value * 32768)));
    return { samples, copyToChannel };
  }

  createBufferSource(): Source {
    this.now += this.held;
    this.held = 0;
    return new Source(this);
  }

  /** Samples of the turn that sound at a time: one, or none where it is silent. */
  at(time: number): number[] {
    const sounding = this.sounds.filter(({ from, to }) => from <= time && time < to);
    return sounding.map(({ from, samples }) => samples[Math.floor((time - from) * this.sampleRate + 1e-6)]);
  }
}

/** A stretch of a turn's sound in which each sample's value is its number. */
export function numbered(from: number, count: number): Int16Array {
  return Int16Array.from({ length: count }, (_, index) => from + index);
}

/** Numbers between 0 and 1 that are the same in every run. */
export function chances(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

let ticks: (() => void)[] = [];
Object.assign(globalThis, {
  document: { hidden: false },
  window: {
    setInterval: (tick: () => void) => ticks.push(tick),
    clearInterval: () => undefined,
    clearTimeout: () => undefined,
    setTimeout: () => undefined,
  },
});

/** The clock of scheduled buffers at such a loudspeaker; `tick` is the page's timer. */
export function scheduled(): { clock: ScheduledClock; speaker: Loudspeaker; tick: () => void } {
  ticks = [];
  const speaker = new Loudspeaker();
  const clock = new ScheduledClock(speaker as unknown as AudioContext);
  return { clock, speaker, tick: () => ticks.forEach((each) => each()) };
}
