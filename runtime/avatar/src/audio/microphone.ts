/** The reader's voice, where the browser gives it. */

import { addModule } from "./module.ts";

/** Why there can be no microphone here; undefined where there can. */
export function microphoneObstacle(): string | undefined {
  if (!window.isSecureContext) return "The microphone needs https (or localhost): here one can only type.";
  if (!navigator.mediaDevices?.getUserMedia) return "This browser has no microphone for pages.";
  return undefined;
}

export class Microphone {
  private context: AudioContext | undefined;
  private stream: MediaStream | undefined;

  get on(): boolean {
    return this.context !== undefined;
  }

  /** Ask for the microphone and hand out PCM (16 bit, 16 kHz, mono) in pieces of 100 ms. */
  async start(hand: (pcm: ArrayBuffer) => void): Promise<void> {
    const audio = { channelCount: 1, echoCancellation: true, noiseSuppression: true };
    this.stream = await navigator.mediaDevices.getUserMedia({ audio });
    const context = new AudioContext();
    this.context = context;
    await addModule(context, "capture.js");
    const source = context.createMediaStreamSource(this.stream);
    const node = new AudioWorkletNode(context, "capture", { numberOfOutputs: 0 });
    node.port.onmessage = (event: MessageEvent<ArrayBuffer>) => {
      if (this.context === context) hand(event.data); // the audio thread ends a little later
    };
    source.connect(node);
  }

  async stop(): Promise<void> {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    const { context } = this;
    this.context = this.stream = undefined;
    await context?.close();
  }
}
