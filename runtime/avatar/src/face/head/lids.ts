/** Coordinates of an eye: angles about its centre, and the edges of its lids. */

import { EYE, type Vec, mix, smoothstep } from "./measures.ts";

export interface EyePoint {
  /** Angle to the outer side, and up. */
  az: number;
  el: number;
  /** Distance from the eye's centre. */
  r: number;
}

const cos = Math.cos(EYE.yaw);
const sin = Math.sin(EYE.yaw);

/** Angles of a point about the left eye. */
export function toEye(p: Vec): EyePoint {
  const [x, y, z] = [p[0] - EYE.centre[0], p[1] - EYE.centre[1], p[2] - EYE.centre[2]];
  const r = Math.hypot(x, y, z) || 1e-9;
  return { az: Math.atan2(x * cos - z * sin, x * sin + z * cos), el: Math.asin(y / r), r };
}

/** The point at these angles. */
export function fromEye({ az, el, r }: EyePoint): Vec {
  const [side, ahead] = [r * Math.cos(el) * Math.sin(az), r * Math.cos(el) * Math.cos(az)];
  return [
    EYE.centre[0] + side * cos + ahead * sin,
    EYE.centre[1] + r * Math.sin(el),
    EYE.centre[2] - side * sin + ahead * cos,
  ];
}

/** Edge of the lids all around, `grow` times as large; angle 0 is the outer corner, a quarter is up. */
export function lidEdge(angle: number, grow: number): EyePoint {
  const rise = Math.sin(angle);
  const height = rise > 0 ? EYE.top : EYE.bottom;
  const az = EYE.halfWidth * Math.cos(angle) * grow;
  const el = height * Math.sign(rise) * Math.abs(rise) ** 1.12 * grow + EYE.tilt * (az / EYE.halfWidth);
  return { az, el, r: EYE.radius * EYE.lid };
}

/** Height of the upper and lower edge, and of the line where they meet, at an angle aside. */
export function edgesAt(az: number): { top: number; bottom: number; closed: number } {
  const share = Math.min(1, Math.abs(az) / EYE.halfWidth);
  const open = Math.sqrt(1 - share * share) ** 1.12;
  const tilt = EYE.tilt * Math.max(-1, Math.min(1, az / EYE.halfWidth));
  const bottom = -EYE.bottom * open + tilt;
  return { top: EYE.top * open + tilt, bottom, closed: mix(bottom, tilt, 0.28) };
}

/**
 * Move the lids: `upper` 1 brings the upper edge to the line where both meet, negative opens it
 * wider; `lower` likewise. Returns how far a point of the skin moves.
 */
export function moveLids(p: Vec, upper: number, lower: number): Vec {
  const at = toEye(p);
  if (at.r > 0.42 || Math.abs(at.az) > 1.5) return [0, 0, 0];
  const { top, bottom, closed } = edgesAt(at.az);
  const middle = (top + bottom) / 2;
  const near = 1 - smoothstep(0.25, 0.4, at.r);
  const above = at.el >= middle;
  const beyond = above ? at.el - top : bottom - at.el;
  const share = near * (1 - smoothstep(0, above ? 0.42 : 0.5, beyond));
  const way = above ? upper * (closed - top) : lower * (closed - bottom);
  const lifted = Math.max(at.r, EYE.radius * (EYE.lid + 0.07));
  const bulge = Math.max(0, above ? upper : lower) * share * smoothstep(0, 0.3, Math.abs(closed - top));
  const to = fromEye({ az: at.az, el: at.el + way * share, r: mix(at.r, lifted, bulge) });
  return [to[0] - p[0], to[1] - p[1], to[2] - p[2]];
}
