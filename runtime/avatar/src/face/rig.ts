/** Shapes on meshes: the built-in head's and any model's are moved by the same lines. */

import type { Mesh, Object3D } from "three";
import { INDEX, SHAPES } from "./shapes.ts";

interface Target {
  influences: number[];
  place: number;
  /** Index of the shape in SHAPES. */
  shape: number;
  gain: number;
}

/** Which of our shapes moves a mesh's own shape, and how much. */
export type NameOf = (own: string) => { shape: string; gain: number }[];

const asIs: NameOf = (own) => (own in INDEX ? [{ shape: own, gain: 1 }] : []);

export class Rig {
  private readonly targets: Target[] = [];
  /** ARKit names of the shapes that something moves by. */
  readonly shapes: ReadonlySet<string>;

  constructor(root: Object3D, nameOf: NameOf = asIs) {
    root.traverse((object) => {
      const { morphTargetDictionary: names, morphTargetInfluences: influences } = object as Mesh;
      if (!names || !influences) return;
      for (const [own, place] of Object.entries(names)) {
        for (const { shape, gain } of nameOf(own)) this.targets.push({ influences, place, shape: INDEX[shape], gain });
      }
    });
    this.shapes = new Set(this.targets.map((target) => SHAPES[target.shape]));
  }

  /** Show weights in the order of SHAPES. */
  show(weights: Float32Array): void {
    for (const { influences, place } of this.targets) influences[place] = 0;
    for (const { influences, place, shape, gain } of this.targets) influences[place] += gain * weights[shape];
  }
}

/** What a stream may ask and lips cannot do: closing beyond what is open. */
export function plausible(weights: Float32Array): void {
  weights[INDEX.mouthClose] = Math.min(weights[INDEX.mouthClose], weights[INDEX.jawOpen]);
}
