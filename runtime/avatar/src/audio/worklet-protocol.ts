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
  running: boolean;
  buffered: number;
  underruns: number;
  drained: boolean;
}
