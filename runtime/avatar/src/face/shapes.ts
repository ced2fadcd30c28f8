/** The 52 ARKit blendshapes, and weights by them. */

const sides = (...names: string[]): string[] => names.flatMap((name) => [`${name}Left`, `${name}Right`]);

export const SHAPES: readonly string[] = [
  ...sides("eyeBlink", "eyeLookDown", "eyeLookIn", "eyeLookOut", "eyeLookUp", "eyeSquint", "eyeWide"),
  ...["jawForward", "jawLeft", "jawRight", "jawOpen"],
  ...["mouthClose", "mouthFunnel", "mouthPucker", "mouthLeft", "mouthRight"],
  ...sides("mouthSmile", "mouthFrown", "mouthDimple", "mouthStretch"),
  ...["mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper"],
  ...sides("mouthPress", "mouthLowerDown", "mouthUpperUp"),
  ...sides("browDown"),
  "browInnerUp",
  ...sides("browOuterUp"),
  "cheekPuff",
  ...sides("cheekSquint", "noseSneer"),
  "tongueOut",
];

/** Place of a shape in arrays of weights. */
export const INDEX: Readonly<Record<string, number>> = Object.fromEntries(
  SHAPES.map((name, index) => [name, index]),
);

/** Anything that can show a face: a mesh, a drawing. */
export interface Face {
  /** Show these weights, 0..1 in the order of SHAPES. */
  show(weights: Float32Array): void;
}

/** How the head is held: radians, and a breath of -1..1. */
export interface Pose {
  pitch: number;
  yaw: number;
  roll: number;
  breath: number;
}

/** Where each shape of a stream goes; -1 for one that is unknown here. Names in any case. */
export function placesOf(names: readonly string[]): Int16Array {
  return Int16Array.from(names, (name) => INDEX[name[0].toLowerCase() + name.slice(1)] ?? -1);
}
