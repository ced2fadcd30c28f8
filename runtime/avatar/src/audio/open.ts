/** Choose the clock that this origin and this browser can have. */

import type { AudioClock } from "./clock.ts";
import { ScheduledClock } from "./scheduled-clock.ts";
import { WorkletClock } from "./worklet-clock.ts";

export const WORKLET_URL = "worklet.js";

/** The loudspeaker at the stream's rate; the browser converts it to the hardware's. */
export function openContext(sampleRate: number): AudioContext {
  return new AudioContext({ sampleRate, latencyHint: "interactive" });
}

/** The clock of a loudspeaker that is open. */
export async function openClock(context: AudioContext): Promise<AudioClock> {
  if (window.isSecureContext && context.audioWorklet) {
    try {
      return await WorkletClock.create(context, WORKLET_URL);
    } catch (error) {
      console.warn("The audio thread could not be used, sound is scheduled instead:", error);
    }
  }
  return new ScheduledClock(context);
}
