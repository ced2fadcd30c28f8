/** The net of points that the skin is made of: dense at eyes and mouth, wide at the back. */

import Delaunator from "delaunator";
import { lidEdge, fromEye } from "./lids.ts";
import { lipPoint } from "./lips.ts";
import { CENTRE, MOUTH, type Vec } from "./measures.ts";
import { skinTowards } from "./sculpture.ts";

/** A place on the unrolled head: distance from straight ahead is the angle to it. */
type Flat = readonly [u: number, v: number];

export interface Point {
  at: Vec;
  /** Above the line of the lips; belongs to the upper lip where lips touch. */
  upper: boolean;
  /** Place on the lips: 0 their line, 1 the border of the red; beyond 3 elsewhere. */
  q: number;
  /** 0 outside, growing to 1 inside of the mouth. */
  inside: number;
}

export interface Net {
  points: Point[];
  triangles: [number, number, number][];
}

const LIP_RINGS = [0, 0.12, 0.3, 0.5, 0.7, 0.86, 0.98, 1.1, 1.35, 1.75, 2.3, 3];
const LIP_SPOKES = 56;
const LID_RINGS = [1, 1.09, 1.2, 1.34, 1.52];
const LID_SPOKES = 44;
const FINE = 0.04;
const COARSE = 0.1;
const FINE_RADIUS = 0.98;
const REACH = 2.75;

/** The left half of the head as a net, mirrored by the caller. */
export class HalfNet {
  readonly points: Point[] = [];
  readonly triangles: [number, number, number][] = [];
  /** Point numbers of the edges of both holes. */
  readonly mouth: number[];
  readonly eye: number[];
  /** What is laid freely: the rest of the skin, and the outermost rings that it joins. */
  private readonly laid: { flat: Flat; number: number }[] = [];
  private readonly holes: Flat[][] = [];

  constructor() {
    this.mouth = this.rings(LIP_RINGS, LIP_SPOKES / 2 + 1, false, (q, spoke) => this.lip(q, spoke));
    this.eye = this.rings(LID_RINGS, LID_SPOKES, true, (grow, spoke) => this.lid(grow, spoke));
    this.middle();
    this.rest();
    this.triangulate();
  }

  private add(at: Vec, q = 9, upper = at[1] > MOUTH.y): number {
    this.points.push({ at, upper, q, inside: 0 });
    return this.points.length - 1;
  }

  /** Rings around a hole, joined by quadrangles; returns the innermost. */
  private rings(sizes: readonly number[], spokes: number, closed: boolean, make: (size: number, spoke: number) => number): number[] {
    const rows = sizes.map((size) => Array.from({ length: spokes }, (_, spoke) => make(size, spoke)));
    for (let row = 0; row < rows.length - 1; row += 1) {
      for (let spoke = 0; spoke < (closed ? spokes : spokes - 1); spoke += 1) {
        const next = (spoke + 1) % spokes;
        const [a, b, c, d] = [rows[row][spoke], rows[row][next], rows[row + 1][next], rows[row + 1][spoke]];
        this.triangles.push(closed ? [a, c, b] : [a, b, c], closed ? [a, d, c] : [a, c, d]);
      }
    }
    const outer = rows[rows.length - 1].map((number) => ({ number, flat: unroll(this.points[number].at) }));
    this.laid.push(...outer);
    this.holes.push(outer.map(({ flat }) => flat));
    return rows[0];
  }

  private lip(q: number, spoke: number): number {
    const angle = Math.PI / 2 - (Math.PI * spoke) / (LIP_SPOKES / 2);
    const at = lipPoint(angle, q);
    return this.add([Math.abs(at[0]) < 1e-6 ? 0 : at[0], at[1], at[2]], q, Math.sin(angle) >= 0);
  }

  private lid(grow: number, spoke: number): number {
    const edge = fromEye(lidEdge((2 * Math.PI * spoke) / LID_SPOKES, grow));
    return this.add(grow === 1 ? edge : skinTowards(directionTo(edge)));
  }

  private middle(): void {
    for (let v = -REACH; v <= REACH; v += Math.abs(v) < FINE_RADIUS ? FINE * 0.8 : COARSE) {
      this.place([0, v], Math.abs(v) < FINE_RADIUS ? FINE : COARSE);
    }
  }

  private rest(): void {
    for (const [step, from, to] of [[FINE, 0, FINE_RADIUS], [COARSE, FINE_RADIUS, REACH]]) {
      const rows = Math.ceil(to / (step * 0.866));
      for (let row = -rows; row <= rows; row += 1) {
        const v = row * step * 0.866;
        for (let u = (row & 1 ? 0.5 : 1) * step; u <= to; u += step) {
          const radius = Math.hypot(u, v);
          if (radius >= from && radius < to) this.place([u, v], step);
        }
      }
    }
    for (let angle = 0; angle <= 48; angle += 1) {
      const turn = Math.PI * (angle / 48 - 0.5);
      this.place([Math.max(0, REACH * Math.cos(turn)), REACH * Math.sin(turn)], COARSE);
    }
  }

  /** Add a point of the skin unless it is in a hole or too near to another. */
  private place(flat: Flat, spacing: number): void {
    if (this.holes.some((hole) => contains(hole, flat))) return;
    for (const { flat: other } of this.laid) {
      if (Math.hypot(other[0] - flat[0], other[1] - flat[1]) < 0.62 * spacing) return;
    }
    const at = skinTowards(roll(flat));
    this.laid.push({ flat, number: this.add(flat[0] === 0 ? [0, at[1], at[2]] : at) });
  }

  private triangulate(): void {
    const flats = this.laid.map(({ flat }) => flat);
    const { triangles } = Delaunator.from(flats as unknown as ArrayLike<number>[]);
    for (let index = 0; index < triangles.length; index += 3) {
      const corners = [triangles[index], triangles[index + 1], triangles[index + 2]];
      const [p, q, r] = corners.map((corner) => flats[corner]);
      const centroid: Flat = [(p[0] + q[0] + r[0]) / 3, (p[1] + q[1] + r[1]) / 3];
      if (this.holes.some((hole) => contains(hole, centroid))) continue;
      const turn = (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]);
      if (Math.abs(turn) < 1e-9) continue;
      const [a, b, c] = corners.map((corner) => this.laid[corner].number);
      this.triangles.push(turn > 0 ? [a, b, c] : [a, c, b]);
    }
  }
}

function directionTo(p: Vec): Vec {
  const d: Vec = [p[0] - CENTRE[0], p[1] - CENTRE[1], p[2] - CENTRE[2]];
  const length = Math.hypot(...d);
  return [d[0] / length, d[1] / length, d[2] / length];
}

/** Place of a point on the unrolled head. */
function unroll(p: Vec): Flat {
  const [x, y, z] = directionTo(p);
  const angle = Math.acos(Math.max(-1, Math.min(1, z)));
  const side = Math.hypot(x, y) || 1;
  return [(angle * x) / side, (angle * y) / side];
}

/** Direction that belongs to a place on the unrolled head. */
function roll([u, v]: Flat): Vec {
  const angle = Math.hypot(u, v);
  const share = angle > 1e-9 ? Math.sin(angle) / angle : 1;
  return [u * share, v * share, Math.cos(angle)];
}

function contains(polygon: readonly Flat[], [u, v]: Flat): boolean {
  let inside = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i, i += 1) {
    const [a, b] = [polygon[i], polygon[j]];
    if (a[1] > v !== b[1] > v && u < ((b[0] - a[0]) * (v - a[1])) / (b[1] - a[1]) + a[0]) inside = !inside;
  }
  return inside;
}
