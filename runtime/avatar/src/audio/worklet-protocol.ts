/** What the page and the audio thread tell each other. */

export type ToWorklet =
  | { kind: "reset"; generation: number }
  | { kind: "push"; samples: Float32Array }
  | { kind: "finish" };

export interface FromWorklet {
  generation: number;
  /** Seconds of the context's clock at which `sample` is handed over. */
  time: number;
  sample: number;
  /** As far as this sound surely runs on: what is here. The same sample where it stands. */
  until: number;
  buffered: number;
  underruns: number;
  drained: boolean;
}
