/** The clock of a conversation is its sound; one interface, two ways to make it. */

export interface Report {
  buffered: number;
  underruns: number;
  drained: boolean;
}

export interface AudioClock {
  /** How sound is made, for the read-out. */
  readonly kind: "worklet" | "scheduled";
  readonly context: AudioContext;
  /** Begin with another turn at sample 0; what sounds is silenced. */
  reset(): void;
  push(samples: Int16Array): void;
  /** No more sound of this turn comes. */
  finish(): void;
  /** Sample of the turn that is heard now, the loudspeaker's delay taken off. */
  heard(): number;
  report(): Report;
  close(): Promise<void>;
}

/** Seconds of sound that wait before playback starts. */
export const START_SECONDS = 0.12;

const PLAUSIBLE = 0.5;

/** Time of the audio clock that is heard now: the output's own stamp, or the clock less its delay. */
export function heardTime(context: AudioContext): number {
  const estimate = context.currentTime - (context.outputLatency || context.baseLatency || 0);
  const stamp = context.getOutputTimestamp?.();
  if (stamp?.contextTime === undefined || !stamp.performanceTime) return estimate;
  const heard = stamp.contextTime + (performance.now() - stamp.performanceTime) / 1000;
  return Math.abs(heard - estimate) < PLAUSIBLE ? Math.min(heard, context.currentTime) : estimate;
}
