/** Bodies drawn along a line: brows, lashes, locks of hair, rims of ears. */

import type { Form } from "./mesh.ts";
import type { Vec } from "./measures.ts";

export interface Stroke {
  path: readonly Vec[];
  /** Outward direction of the ground at a point of the path. */
  out: (p: Vec, share: number) => Vec;
  /** Half the width over the ground and half the height off it, at a share 0..1 of the path. */
  width: (share: number) => number;
  height: (share: number) => number;
  sides: number;
  /** Ridges along it, as a share of its size. */
  ridges?: number;
}

export const minus = (a: Vec, b: Vec): Vec => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
export const along = (a: Vec, d: Vec, t: number): Vec => [a[0] + t * d[0], a[1] + t * d[1], a[2] + t * d[2]];
export const cross = (a: Vec, b: Vec): Vec => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];
export function unit(a: Vec): Vec {
  const length = Math.hypot(...a) || 1;
  return [a[0] / length, a[1] / length, a[2] / length];
}

/** The surface around a stroke; both ends come to a point where width and height are 0 there. */
export function sweep({ path, out, width, height, sides, ridges = 0 }: Stroke): Form {
  const positions = new Float32Array(3 * path.length * sides);
  path.forEach((p, step) => {
    const share = step / (path.length - 1);
    const ahead = unit(minus(path[Math.min(step + 1, path.length - 1)], path[Math.max(step - 1, 0)]));
    const up = out(p, share);
    const aside = unit(cross(up, ahead));
    const off = unit(cross(ahead, aside));
    for (let side = 0; side < sides; side += 1) {
      const angle = (2 * Math.PI * side) / sides;
      const ridge = 1 + ridges * Math.cos(5 * angle + 0.6);
      const w = width(share) * Math.cos(angle) * ridge;
      const h = height(share) * Math.sin(angle) * ridge;
      positions.set(along(along(p, aside, w), off, h), 3 * (step * sides + side));
    }
  });
  return { positions, indices: rings(path.length, sides) };
}

/** Triangles between rings of equally many points, one after another. */
export function rings(count: number, sides: number): number[] {
  const indices: number[] = [];
  for (let step = 0; step < count - 1; step += 1) {
    for (let side = 0; side < sides; side += 1) {
      const next = (side + 1) % sides;
      const [a, b] = [step * sides + side, step * sides + next];
      const [c, d] = [b + sides, a + sides];
      indices.push(a, b, c, a, c, d);
    }
  }
  return indices;
}

/** Several forms as one. */
export function merge(forms: readonly Form[]): Form {
  const total = forms.reduce((sum, form) => sum + form.positions.length, 0);
  const positions = new Float32Array(total);
  const colours = forms.some((form) => form.colours) ? new Float32Array(total).fill(1) : undefined;
  const indices: number[] = [];
  let filled = 0;
  for (const form of forms) {
    positions.set(form.positions, filled);
    if (form.colours) colours?.set(form.colours, filled);
    for (const index of form.indices) indices.push(index + filled / 3);
    filled += form.positions.length;
  }
  return { positions, indices, ...(colours ? { colours } : {}) };
}

/** A smooth line through points (Catmull-Rom), `steps` pieces between two of them. */
export function spline(points: readonly Vec[], steps: number): Vec[] {
  const line: Vec[] = [];
  for (let index = 0; index < points.length - 1; index += 1) {
    const [a, b, c, d] = [points[Math.max(0, index - 1)], points[index], points[index + 1], points[Math.min(points.length - 1, index + 2)]];
    for (let step = 0; step < steps; step += 1) line.push(between(a, b, c, d, step / steps));
  }
  line.push(points[points.length - 1]);
  return line;
}

function between(a: Vec, b: Vec, c: Vec, d: Vec, t: number): Vec {
  const at = (i: 0 | 1 | 2): number =>
    0.5 * (2 * b[i] + (c[i] - a[i]) * t + (2 * a[i] - 5 * b[i] + 4 * c[i] - d[i]) * t * t + (3 * b[i] - a[i] - 3 * c[i] + d[i]) * t ** 3);
  return [at(0), at(1), at(2)];
}
