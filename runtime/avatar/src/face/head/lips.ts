/** Coordinates and form of the lips. */

import { MOUTH, type Vec, lipLine, smoothstep } from "./measures.ts";
import { skinInFront } from "./sculpture.ts";

/** Height of the red of the lips at s, -1..1 from corner to corner. */
export function lipHeight(s: number, upper: boolean): number {
  const at = Math.min(1, Math.abs(s));
  if (!upper) return 0.012 + 0.07 * (1 - at ** 2.6);
  const bow = 0.012 * Math.exp(-(((at - 0.2) / 0.16) ** 2)) - 0.005 * Math.exp(-((at / 0.1) ** 2));
  return 0.012 + 0.05 * (1 - at ** 1.9) + bow;
}

/** Distance from the lips' line at q: 1 is the border of the red, more is skin around. */
export function lipDistance(s: number, q: number, upper: boolean): number {
  const height = lipHeight(s, upper);
  return q <= 1 ? q * height : height + (q - 1) * 0.1;
}

/** How far the lips stand out at q. */
function relief(s: number, q: number, upper: boolean): number {
  const taper = Math.max(0, 1 - Math.abs(s) ** 3) ** 0.7;
  const body = upper ? 0.026 : 0.038;
  const round = q < 1 ? Math.sqrt(Math.max(0, 1 - (2 * q - 0.9) ** 2)) : 0;
  const line = -0.012 * (1 - smoothstep(0, 0.25, q));
  const rim = 0.006 * Math.exp(-(((q - 1.02) / 0.12) ** 2));
  return taper * (body * round + rim) + line;
}

/** Point on the lips or around: `angle` 0 is the left corner, a quarter is up. */
export function lipPoint(angle: number, q: number): Vec {
  const upper = Math.sin(angle) >= 0;
  const s = Math.cos(angle);
  const x = s * (MOUTH.halfWidth + 0.028 * q);
  const y = lipLine(x) + Math.sin(angle) * lipDistance(s, q, upper);
  const skin = skinInFront(x, y);
  return [x, y, skin[2] + relief(s, q, upper)];
}

/** Distance in front view from the line between the corners. */
export function fromLips(p: Vec): number {
  const beyond = Math.max(0, Math.abs(p[0]) - MOUTH.halfWidth);
  return Math.hypot(beyond, p[1] - lipLine(p[0]));
}
