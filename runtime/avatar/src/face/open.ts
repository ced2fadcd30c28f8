/** Choose what shows the face: three dimensions where the browser draws them, else a drawing. */

import { FlatFace } from "./flat.ts";
import type { Face, Pose } from "./shapes.ts";
import { Stage } from "./stage.ts";

export interface OpenStage {
  draw(weights: Float32Array, pose: Pose, now: number): void;
  /** The scene that takes other heads; undefined without WebGL. */
  readonly scene: Stage | undefined;
}

/** Open the stage; `note` is told how the face is shown. */
export function openStage(parent: HTMLElement, note: (text: string) => void): OpenStage {
  try {
    const scene = new Stage(parent);
    note("built in, WebGL");
    return { draw: (weights, pose, now) => scene.draw(weights, pose, now), scene };
  } catch (error) {
    console.warn("Without WebGL the face is drawn flat:", error);
    note("drawn flat: this browser has no WebGL");
    const face: Face = new FlatFace(parent);
    return { draw: (weights) => face.show(weights), scene: undefined };
  }
}
