/** What shows the face: three dimensions while the browser draws them, else a drawing. */

import { FlatFace } from "./flat.ts";
import type { Pose } from "./shapes.ts";
import { Stage } from "./stage.ts";

/** How the face is shown now, and a sentence where that is not as it should be. */
export interface Shown {
  fact: string;
  sentence: string;
}

const WHOLE: Shown = { fact: "built in, WebGL", sentence: "" };
const LOST: Shown = {
  fact: "drawn flat: the browser has lost its WebGL",
  sentence: "The browser has lost the picture of the face: a simple drawing talks until it is back.",
};
const NONE: Shown = {
  fact: "drawn flat: this browser has no WebGL",
  sentence: "This browser cannot draw in three dimensions: the face is a simple drawing.",
};

/** The place of the face. Whatever happens to its picture, `draw` does not throw. */
export class OpenStage {
  /** The scene that takes other heads; undefined where the browser cannot draw it. */
  scene: Stage | undefined;
  private flat: FlatFace | undefined;

  /** `tell` is told how the face is shown, now and whenever that changes. */
  constructor(
    private readonly parent: HTMLElement,
    private readonly tell: (shown: Shown) => void,
  ) {
    try {
      this.scene = new Stage(parent, (lost) => this.change(lost));
      tell(WHOLE);
    } catch (error) {
      this.giveUp(error);
    }
  }

  draw(weights: Float32Array, pose: Pose, now: number): void {
    try {
      if (!this.flat) this.scene?.draw(weights, pose, now);
    } catch (error) {
      // Between the loss and the event that tells it a picture may fail: that is no reason to give up.
      if (!this.scene?.lost) this.giveUp(error);
    }
    this.flat?.show(weights);
  }

  /** The browser has taken the picture away, or given it back. */
  private change(lost: boolean): void {
    if (!this.scene) return;
    if (lost) this.flat ??= new FlatFace(this.parent);
    else this.flat = this.flat?.remove();
    this.tell(lost ? LOST : WHOLE);
  }

  private giveUp(error: unknown): void {
    console.warn("The face is drawn flat:", error);
    this.scene = undefined;
    this.parent.replaceChildren();
    this.flat = new FlatFace(this.parent);
    this.tell(NONE);
  }
}
