/** The form of the head: soft unions of simple bodies, as a signed distance. */

import { CENTRE, EYE, type Vec } from "./measures.ts";

function ellipsoid(p: Vec, c: Vec, r: Vec): number {
  const [x, y, z] = [p[0] - c[0], p[1] - c[1], p[2] - c[2]];
  const near = Math.hypot(x / r[0], y / r[1], z / r[2]);
  const slope = Math.hypot(x / (r[0] * r[0]), y / (r[1] * r[1]), z / (r[2] * r[2]));
  return slope > 1e-9 ? (near * (near - 1)) / slope : -Math.min(...r);
}

function sphere(p: Vec, c: Vec, r: number): number {
  return Math.hypot(p[0] - c[0], p[1] - c[1], p[2] - c[2]) - r;
}

/** A rod from a to b whose radius changes from ra to rb. */
function rod(p: Vec, a: Vec, b: Vec, ra: number, rb: number): number {
  const d: Vec = [b[0] - a[0], b[1] - a[1], b[2] - a[2]];
  const along = (p[0] - a[0]) * d[0] + (p[1] - a[1]) * d[1] + (p[2] - a[2]) * d[2];
  const share = Math.min(1, Math.max(0, along / (d[0] ** 2 + d[1] ** 2 + d[2] ** 2)));
  const c: Vec = [a[0] + share * d[0], a[1] + share * d[1], a[2] + share * d[2]];
  return sphere(p, c, ra + share * (rb - ra));
}

/** Union of two distances, rounded over k. */
function join(a: number, b: number, k: number): number {
  const h = Math.max(k - Math.abs(a - b), 0) / k;
  return Math.min(a, b) - h * h * k * 0.25;
}

/** The first distance without the second, rounded over k. */
function carve(a: number, b: number, k: number): number {
  return -join(-a, b, k);
}

function skull(p: Vec): number {
  let d = ellipsoid(p, [0, 0.3, -0.1], [0.76, 0.76, 0.82]);
  d = join(d, ellipsoid(p, [0, -0.04, 0.1], [0.665, 0.68, 0.63]), 0.25);
  d = join(d, ellipsoid(p, [0, -0.5, 0.2], [0.43, 0.4, 0.46]), 0.25);
  return join(d, ellipsoid(p, [0, -0.76, 0.43], [0.19, 0.15, 0.16]), 0.2);
}

/** Distance to the skin: negative inside. Symmetric in x. */
export function distance(point: Vec): number {
  const p: Vec = [Math.abs(point[0]), point[1], point[2]];
  let d = skull(p);
  d = join(d, sphere(p, [0.37, -0.24, 0.38], 0.265), 0.2);
  d = join(d, ellipsoid(p, [0, -0.48, 0.5], [0.27, 0.17, 0.215]), 0.16);
  d = carve(d, ellipsoid(p, [0.29, 0.08, 0.86], [0.25, 0.2, 0.2]), 0.16);
  d = join(d, rod(p, [0.1, 0.3, 0.6], [0.42, 0.31, 0.47], 0.06, 0.05), 0.14);
  d = join(d, rod(p, [0, 0.17, 0.62], [0, -0.13, 0.82], 0.045, 0.06), 0.1);
  d = join(d, sphere(p, [0, -0.165, 0.845], 0.093), 0.07);
  d = join(d, ellipsoid(p, [0.085, -0.19, 0.755], [0.056, 0.052, 0.075]), 0.045);
  d = join(d, sphere(p, EYE.centre, EYE.radius * EYE.lid), 0.045);
  return carve(d, ellipsoid(p, [0.048, -0.258, 0.81], [0.026, 0.022, 0.045]), 0.025);
}

const FAR = 2.2;
const STEPS = 96;
const CLOSE = 5e-4;

function march(from: Vec, direction: Vec): Vec {
  let t = 0;
  for (let step = 0; step < STEPS; step += 1) {
    const p: Vec = [from[0] + t * direction[0], from[1] + t * direction[1], from[2] + t * direction[2]];
    const d = distance(p);
    if (d < CLOSE) return p;
    t += 0.8 * d;
    if (t > 2 * FAR) break;
  }
  return [from[0] + t * direction[0], from[1] + t * direction[1], from[2] + t * direction[2]];
}

/** Point of the skin in a direction (unit length) from the centre. */
export function skinTowards(d: Vec): Vec {
  const from: Vec = [CENTRE[0] + FAR * d[0], CENTRE[1] + FAR * d[1], CENTRE[2] + FAR * d[2]];
  return march(from, [-d[0], -d[1], -d[2]]);
}

/** Point of the face's front at x and y. */
export function skinInFront(x: number, y: number): Vec {
  return march([x, y, FAR], [0, 0, -1]);
}

/** Outward direction of the skin at a point. */
export function normalAt(p: Vec): Vec {
  const e = 2e-3;
  const dx = distance([p[0] + e, p[1], p[2]]) - distance([p[0] - e, p[1], p[2]]);
  const dy = distance([p[0], p[1] + e, p[2]]) - distance([p[0], p[1] - e, p[2]]);
  const dz = distance([p[0], p[1], p[2] + e]) - distance([p[0], p[1], p[2] - e]);
  const length = Math.hypot(dx, dy, dz) || 1;
  return [dx / length, dy / length, dz / length];
}
