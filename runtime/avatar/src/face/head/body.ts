/** Neck and shoulders in a pullover. */

import { Group, Mesh, MeshPhysicalMaterial, TorusGeometry, type Material } from "three";
import { type Form, morphing } from "./mesh.ts";
import { smoothstep } from "./measures.ts";
import { PALETTE } from "./paint.ts";
import { rings, spline } from "./sweep.ts";

/** A level: height, half width, half depth, middle in depth, squareness. */
type Level = readonly [y: number, rx: number, rz: number, z: number, square: number];

const NECK: readonly Level[] = [
  [-0.66, 0.2, 0.15, -0.16, 2],
  [-0.72, 0.3, 0.27, -0.13, 2],
  [-0.8, 0.31, 0.3, -0.12, 2],
  [-0.95, 0.3, 0.3, -0.14, 2],
  [-1.12, 0.32, 0.32, -0.16, 2],
  [-1.3, 0.42, 0.38, -0.18, 2],
];
const SHOULDERS: readonly Level[] = [
  [-1.06, 0.36, 0.36, -0.16, 2],
  [-1.12, 0.42, 0.41, -0.16, 2],
  [-1.2, 0.56, 0.46, -0.18, 2],
  [-1.28, 0.76, 0.48, -0.2, 2.1],
  [-1.38, 0.97, 0.5, -0.22, 2.2],
  [-1.52, 1.12, 0.52, -0.22, 2.3],
  [-1.75, 1.2, 0.55, -0.2, 2.4],
  [-2.2, 1.24, 0.6, -0.16, 2.5],
  [-3.2, 1.24, 0.6, -0.16, 2.5],
];
const SIDES = 64;

/** The body; it breathes by `breathe` of the stage. `skin` colours the neck. */
export function buildBody(skin: Material): Group {
  const group = new Group();
  const neck = new Mesh(morphing(tinted(loft(NECK)), () => [0, 0, 0], []), skin);
  const cloth = new MeshPhysicalMaterial({ color: PALETTE.shirt, roughness: 0.92, sheen: 0.6, sheenRoughness: 0.6, sheenColor: PALETTE.shirt });
  const shirt = new Mesh(morphing(loft(SHOULDERS), () => [0, 0, 0], []), cloth);
  const collar = new Mesh(new TorusGeometry(0.375, 0.06, 18, 64), cloth);
  collar.rotation.x = Math.PI / 2 + 0.12;
  collar.position.set(0, -1.08, -0.15);
  collar.scale.set(1, 1, 1.15);
  for (const mesh of [neck, shirt, collar]) mesh.castShadow = mesh.receiveShadow = true;
  group.add(neck, shirt, collar);
  return group;
}

/** A body through levels from top to bottom. */
function loft(levels: readonly Level[]): Form {
  const smooth = refine(levels);
  const positions = new Float32Array(3 * smooth.length * SIDES);
  smooth.forEach(([y, rx, rz, z, square], level) => {
    for (let side = 0; side < SIDES; side += 1) {
      const angle = (2 * Math.PI * side) / SIDES;
      const [c, s] = [Math.cos(angle), Math.sin(angle)];
      const round = (Math.abs(c) ** square + Math.abs(s) ** square) ** (-1 / square);
      positions.set([rx * c * round, y, z + rz * s * round], 3 * (level * SIDES + side));
    }
  });
  return { positions, indices: rings(smooth.length, SIDES) };
}

/** More levels between those given, on smooth lines. */
function refine(levels: readonly Level[]): Level[] {
  const outline = spline(levels.map(([y, rx, rz]) => [y, rx, rz]), 5);
  const rest = spline(levels.map(([, , , z, square]) => [z, square, 0]), 5);
  return outline.map(([y, rx, rz], index) => [y, rx, rz, rest[index][0], rest[index][1]]);
}

function tinted(form: Form): Form {
  const colours = new Float32Array(form.positions.length);
  for (let index = 0; index < colours.length; index += 3) {
    const under = smoothstep(-1.08, -0.84, form.positions[index + 1]);
    const colour = PALETTE.skin.clone().lerp(PALETTE.shade, 0.14 + 0.6 * under);
    colours.set([colour.r, colour.g, colour.b], index);
  }
  return { ...form, colours };
}
