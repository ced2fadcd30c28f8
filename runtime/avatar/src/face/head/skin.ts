/** The whole skin: both halves of the net, the lids' edges, and the inside of the mouth. */

import { EYE, MOUTH, type Vec, lipLine, mix } from "./measures.ts";
import { toEye, fromEye } from "./lids.ts";
import { HalfNet, type Net, type Point } from "./net.ts";

/** Rings from the lips inwards: depth behind the lips, height off their line, width. */
const THROAT: readonly (readonly [depth: number, height: number, width: number])[] = [
  [0.025, 0.004, 1],
  [0.06, 0.02, 1],
  [0.12, 0.075, 1],
  [0.25, 0.16, 1.02],
  [0.45, 0.17, 0.85],
  [0.55, 0.02, 0.5],
];
const LID_DEPTHS = [0.99, 0.95];

/** Build the skin of the whole head. */
export function buildSkin(): Net {
  const half = new HalfNet();
  const triangles = [...half.triangles];
  lidThickness(half, triangles);
  mouthInside(half, triangles);
  return mirror(half.points, triangles);
}

function lidThickness(half: HalfNet, triangles: Net["triangles"]): void {
  let outer = half.eye;
  for (const depth of LID_DEPTHS) {
    const inner = outer.map((_, index) => {
      const edge = toEye(half.points[half.eye[index]].at);
      half.points.push({ at: fromEye({ ...edge, r: edge.r * depth }), upper: true, q: 9, inside: 0 });
      return half.points.length - 1;
    });
    strip(outer, inner, true, triangles);
    outer = inner;
  }
}

function mouthInside(half: HalfNet, triangles: Net["triangles"]): void {
  let outer = half.mouth;
  THROAT.forEach(([depth, height, width], ring) => {
    const inner = outer.map((_, index) => {
      const edge = half.points[half.mouth[index]];
      const turn = Math.PI / 2 - (Math.PI * index) / (half.mouth.length - 1);
      half.points.push(insidePoint(edge, turn, depth, height, width, (ring + 1) / THROAT.length));
      return half.points.length - 1;
    });
    strip(outer, inner, false, triangles);
    outer = inner;
  });
}

function insidePoint(edge: Point, turn: number, depth: number, height: number, width: number, inside: number): Point {
  const x = edge.at[0] * width;
  const straight = Math.min(1, depth * 4);
  const z = mix(edge.at[2], 0.66, straight) - depth;
  const round = Math.abs(edge.at[0]) / MOUTH.halfWidth;
  const y = lipLine(x) + Math.sin(turn) * height;
  return { at: [x, y, z - 0.1 * straight * round * round], upper: edge.upper, q: 0, inside };
}

/** Two triangles for each step along two lines of points. */
function strip(outer: number[], inner: number[], closed: boolean, triangles: Net["triangles"]): void {
  const last = closed ? outer.length : outer.length - 1;
  for (let index = 0; index < last; index += 1) {
    const next = (index + 1) % outer.length;
    const [a, b, c, d] = [outer[index], outer[next], inner[next], inner[index]];
    triangles.push(closed ? [a, b, c] : [a, c, b], closed ? [a, c, d] : [a, d, c]);
  }
}

/** Add the right half; points in the middle are shared. */
function mirror(points: Point[], triangles: Net["triangles"]): Net {
  const all = [...points];
  const twin = points.map((point, index) => {
    if (Math.abs(point.at[0]) < 1e-6) return index;
    const at: Vec = [-point.at[0], point.at[1], point.at[2]];
    all.push({ ...point, at });
    return all.length - 1;
  });
  const flipped = triangles.map(([a, b, c]): [number, number, number] => [twin[a], twin[c], twin[b]]);
  return { points: all, triangles: [...triangles, ...flipped] };
}

/** Eyeballs are mirrored too: x of the eye on a side. */
export function eyeCentre(side: "Left" | "Right"): Vec {
  const [x, y, z] = EYE.centre;
  return [side === "Left" ? x : -x, y, z];
}
