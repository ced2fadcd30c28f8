/**
 * What each of the 52 shapes does to a point of the head: displacements at weight 1, added up.
 * The same fields move skin, brows, lashes, teeth and tongue, so that everything goes together.
 */

import { BROW, EYE, JAW, MOUTH, type Vec, bell, lipLine, mix, smoothstep } from "./measures.ts";
import { moveLids } from "./lids.ts";
import { fromLips } from "./lips.ts";
import type { Point } from "./net.ts";

/** Displacement of a point; for shapes with sides it is written for the left one. */
export type Field = (point: Point) => Vec;

const NONE: Vec = [0, 0, 0];
const scale = (v: Vec, by: number): Vec => [v[0] * by, v[1] * by, v[2] * by];
const add = (...all: Vec[]): Vec => [
  all.reduce((sum, v) => sum + v[0], 0),
  all.reduce((sum, v) => sum + v[1], 0),
  all.reduce((sum, v) => sum + v[2], 0),
];

const front = (p: Vec): number => smoothstep(0.1, 0.45, p[2]);
const side = (p: Vec): number => smoothstep(-0.07, 0.12, p[0]);
const s = (p: Vec): number => Math.min(1, Math.abs(p[0]) / MOUTH.halfWidth);
/** Fullest at the middle of the lips, none at their corners. */
const arch = (p: Vec): number => Math.sqrt(Math.max(0, 1 - s(p) ** 2));
/** 1 on the lips, none at a distance. */
const lips = (p: Vec, reach: number): number => front(p) * (1 - smoothstep(0.05, reach, fromLips(p)));
const corner: Vec = [MOUTH.halfWidth + 0.01, MOUTH.y + 0.01, 0.62];
const upperLip = ({ at, upper }: Point, reach = 0.16): number => (upper ? lips(at, reach) : 0);
const lowerLip = ({ at, upper }: Point, reach = 0.2): number => (upper ? 0 : lips(at, reach));

/** Turn about the jaw's axis. */
function jawTurn(p: Vec): Vec {
  const [y, z] = [p[1] - JAW.y, p[2] - JAW.z];
  const [cos, sin] = [Math.cos(JAW.angle), Math.sin(JAW.angle)];
  return [0, y * cos - z * sin - y, y * sin + z * cos - z];
}

/** How much of the jaw's movement a point takes part in: 0 skull, 1 chin, half at the lips' corners. */
export function jawShare({ at, upper, inside }: Point): number {
  const distance = Math.abs(at[1] - lipLine(at[0]));
  const edge = 0.46 + (upper ? -0.46 : 0.54) * arch(at);
  const away = smoothstep(0, upper ? 0.24 : 0.3, distance);
  const share = mix(edge, upper ? 0 : 1, away);
  const body = inside ? mix(1, 0.75, inside) : smoothstep(-0.3, 0.3, at[2]);
  return share * body;
}

const jawOpen: Field = (point) => scale(jawTurn(point.at), jawShare(point));
const jawMove = (by: Vec): Field => (point) => scale(by, jawShare(point));

const mouthClose: Field = (point) => {
  const near = point.inside ? 1 - smoothstep(0.3, 0.7, point.inside) : lips(point.at, 0.24);
  return scale(jawTurn(point.at), (0.46 - jawShare(point)) * near);
};

const mouthPucker: Field = ({ at, upper, inside, q }) => {
  const near = lips(at, 0.36) * (1 - 0.6 * inside);
  const tall = (upper ? 0.02 : -0.024) * arch(at) * lips(at, 0.2) * smoothstep(0.15, 0.9, q);
  return [-0.46 * at[0] * near, tall, near * (0.02 + 0.105 * (1 - 0.5 * s(at) ** 2))];
};

const mouthFunnel: Field = ({ at, upper, inside }) => {
  const near = lips(at, 0.32) * (1 - 0.6 * inside);
  const open = (upper ? 0.066 : -0.078) * arch(at) * lips(at, 0.22);
  return [-0.3 * at[0] * near, open, near * (0.02 + 0.085 * (1 - 0.4 * s(at) ** 2))];
};

const mouthLeft: Field = ({ at }) => [0.1 * lips(at, 0.4), 0, -0.02 * lips(at, 0.4)];

const mouthSmile: Field = ({ at }) => {
  const c = bell(at, corner, 0.21);
  const cheek = bell(at, [0.4, -0.2, 0.5], 0.22);
  const wide = 0.05 * side(at) * lips(at, 0.2) * s(at);
  return [0.055 * c + wide, 0.105 * c + 0.045 * cheek, -0.055 * c + 0.04 * cheek];
};

const mouthFrown: Field = ({ at }) => scale([0.01, -0.095, -0.01], bell(at, corner, 0.19));
const mouthDimple: Field = ({ at }) => scale([0.035, 0.012, -0.07], bell(at, corner, 0.13));
const mouthStretch: Field = ({ at }) => scale([0.095, -0.04, -0.05], bell(at, corner, 0.22));

const mouthRollLower: Field = (point) => {
  const red = lowerLip(point, 0.14) * arch(point.at);
  return [0, 0.04 * red, -0.062 * red];
};
const mouthRollUpper: Field = (point) => {
  const red = upperLip(point, 0.13) * arch(point.at);
  return [0, -0.026 * red, -0.05 * red];
};
const mouthShrugLower: Field = (point) => {
  const chin = bell(point.at, [0, -0.68, 0.6], 0.2);
  const up = lowerLip(point, 0.2) * arch(point.at) + chin;
  return [0, 0.042 * Math.min(1.2, up), 0.03 * Math.min(1.2, up)];
};
const mouthShrugUpper: Field = (point) => scale([0, 0.045, 0.03], upperLip(point, 0.2) * arch(point.at));

const mouthPress: Field = (point) => {
  const near = lips(point.at, 0.14) * side(point.at) * (point.inside ? 0.5 : 1);
  const thin = -0.45 * (point.at[1] - lipLine(point.at[0]));
  return add(scale([0, thin, -0.026], near), scale([0.012, 0, -0.03], bell(point.at, corner, 0.1)));
};
const mouthLowerDown: Field = (point) => {
  const half = side(point.at) * lowerLip(point, 0.22) * arch([point.at[0] - 0.1, 0, 0]);
  return [0.006 * half, -0.085 * half, 0.012 * half];
};
const mouthUpperUp: Field = (point) => {
  const half = side(point.at) * upperLip(point, 0.22) * arch([point.at[0] - 0.09, 0, 0]);
  return [0, 0.07 * half, 0.01 * half];
};

const brow = (p: Vec, x: number, reach: number): number => bell(p, [x, BROW.y, 0.62], reach);
const browDown: Field = ({ at }) =>
  add(scale([-0.03, -0.085, 0.012], brow(at, 0.17, 0.19)), scale([-0.012, -0.05, 0], brow(at, 0.4, 0.17)));
const browInnerUp: Field = ({ at }) =>
  scale([0, 0.1, 0.006], bell([Math.abs(at[0]), at[1], at[2]], [0.13, BROW.y, 0.64], 0.2));
const browOuterUp: Field = ({ at }) => scale([0.006, 0.1, 0], brow(at, 0.42, 0.2));

const cheekPuff: Field = ({ at }) => {
  const puff = bell([Math.abs(at[0]), at[1], at[2]], [0.42, -0.42, 0.44], 0.23);
  const lip = lips(at, 0.16);
  return [Math.sign(at[0]) * 0.11 * puff, -0.01 * puff, 0.07 * puff + 0.025 * lip];
};
const cheekSquint: Field = ({ at, upper, q, inside }) => {
  const raise = bell(at, [0.38, -0.16, 0.55], 0.2);
  return add(scale([0, 0.065, 0.03], raise), eye(0, 0.4)({ at, upper, q, inside }));
};
const noseSneer: Field = (point) => {
  const wing = bell(point.at, [0.1, -0.16, 0.76], 0.11);
  const lip = upperLip(point, 0.2) * bell([point.at[0], 0, 0], [0.12, 0, 0], 0.12);
  return [0.012 * wing, 0.058 * wing + 0.035 * lip, 0.006 * wing];
};

/** Lids of the left eye: upper edge down, lower edge up, as shares of a closed eye. */
function eye(upper: number, lower: number): Field {
  return ({ at }) => (at[0] > 0 && at[2] > EYE.centre[2] - 0.1 ? moveLids(at, upper, lower) : NONE);
}

/** The lips make way; the tongue itself is moved where it is built. */
const tongueOut: Field = (point) =>
  add(scale([0, 0.022, 0.005], upperLip(point) * arch(point.at)), scale([0, -0.06, 0.012], lowerLip(point) * arch(point.at)));

/** Fields for the left side and for shapes without sides. */
const FIELDS: Record<string, Field> = {
  eyeBlink: eye(1, 1),
  eyeLookDown: eye(0.34, -0.5),
  eyeLookIn: ({ at }) => scale([-0.012, 0, 0], bell(at, EYE.centre, 0.26) * front(at)),
  eyeLookOut: ({ at }) => scale([0.012, 0, 0], bell(at, EYE.centre, 0.26) * front(at)),
  eyeLookUp: eye(-0.16, 0.3),
  eyeSquint: eye(0.22, 0.85),
  eyeWide: eye(-0.24, -0.35),
  jawForward: jawMove([0, 0, 0.085]),
  jawLeft: jawMove([0.095, 0, 0]),
  jawRight: jawMove([-0.095, 0, 0]),
  jawOpen,
  mouthClose,
  mouthFunnel,
  mouthPucker,
  mouthLeft,
  mouthSmile,
  mouthFrown,
  mouthDimple,
  mouthStretch,
  mouthRollLower,
  mouthRollUpper,
  mouthShrugLower,
  mouthShrugUpper,
  mouthPress,
  mouthLowerDown,
  mouthUpperUp,
  browDown,
  browInnerUp,
  browOuterUp,
  cheekPuff,
  cheekSquint,
  noseSneer,
  tongueOut,
};

const WHOLE = new Set(["jawLeft", "jawRight"]);

/** The field of a shape by its full ARKit name. */
export function fieldOf(shape: string): Field {
  if (shape === "mouthRight") return mirrored(mouthLeft);
  if (WHOLE.has(shape) || FIELDS[shape]) return FIELDS[shape];
  if (shape.endsWith("Left")) return FIELDS[shape.slice(0, -4)];
  return mirrored(FIELDS[shape.slice(0, -5)]);
}

function mirrored(field: Field): Field {
  return (point) => {
    const [x, y, z] = field({ ...point, at: [-point.at[0], point.at[1], point.at[2]] });
    return [-x, y, z];
  };
}
