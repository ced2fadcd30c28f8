/**
 * Where things are in the built-in head. Right-handed, +Z out of the face, +Y up, +X to the
 * character's left; a head is about two units high. Angles in radians.
 */

export type Vec = readonly [x: number, y: number, z: number];

/** Rays from here meet the skin once. */
export const CENTRE: Vec = [0, -0.05, 0];

/** The left eye; the right one is its mirror image. */
export const EYE = {
  centre: [0.28, 0.07, 0.475] as Vec,
  radius: 0.212,
  /** Lids lie on a sphere a little larger than the eyeball. */
  lid: 1.06,
  /** The opening looks a little outwards. */
  yaw: 0.07,
  halfWidth: 0.86,
  top: 0.48,
  bottom: 0.42,
  /** The outer corner is higher. */
  tilt: 0.05,
} as const;

export const MOUTH = {
  y: -0.475,
  halfWidth: 0.255,
  /** How much higher the corners are than the middle. */
  curve: 0.02,
} as const;

/** Axis that the jaw turns about, and how far at weight 1. */
export const JAW = { y: -0.1, z: -0.02, angle: 0.3 } as const;

export const BROW = { y: 0.37, inner: 0.12, outer: 0.47 } as const;

/** 0 below `from`, 1 above `to`, smooth between; also backwards. */
export function smoothstep(from: number, to: number, value: number): number {
  const share = Math.min(1, Math.max(0, (value - from) / (to - from)));
  return share * share * (3 - 2 * share);
}

export function mix(from: number, to: number, share: number): number {
  return from + (to - from) * share;
}

/** 1 at the centre, falling off smoothly over `radius` in every direction. */
export function bell(p: Vec, centre: Vec, radius: number): number {
  const square = (p[0] - centre[0]) ** 2 + (p[1] - centre[1]) ** 2 + (p[2] - centre[2]) ** 2;
  return Math.exp(-square / (radius * radius));
}

/** Height of the closed lips' line at x. */
export function lipLine(x: number): number {
  const s = Math.min(1.4, Math.abs(x) / MOUTH.halfWidth);
  return MOUTH.y + MOUTH.curve * s * s;
}
