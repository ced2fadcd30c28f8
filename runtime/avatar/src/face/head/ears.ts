/** Ears: a bowl with a rim. */

import { Mesh, type Material } from "three";
import { type Vec } from "./measures.ts";
import { type Form, morphing } from "./mesh.ts";
import { mirrored } from "./brows.ts";
import { PALETTE } from "./paint.ts";
import { merge, rings, spline, sweep } from "./sweep.ts";

const PLACE: Vec = [0.7, -0.03, -0.06];
const TILT = 0.32;

/** Both ears, coloured like the skin. */
export function buildEars(material: Material): Mesh {
  const left = merge([tinted(bowl(), 0.75), tinted(rim(), 0.4)]);
  const mesh = new Mesh(morphing(merge([left, mirrored(left)]), () => [0, 0, 0], []), material);
  mesh.name = "ears";
  mesh.castShadow = mesh.receiveShadow = true;
  return mesh;
}

/** Ear coordinates: forward, up, outward; to the head's. */
function place(forward: number, up: number, outward: number): Vec {
  const [c, s] = [Math.cos(TILT), Math.sin(TILT)];
  const back = -forward;
  return [PLACE[0] + outward + 0.35 * Math.max(0, back), PLACE[1] + up * c - 0.1 * forward, PLACE[2] + forward * 0.85 - up * s * 0.4];
}

function rim(): Form {
  const line = spline(
    [place(0.1, 0.02, 0.02), place(0.11, 0.14, 0.05), place(0.03, 0.22, 0.07), place(-0.09, 0.2, 0.08), place(-0.14, 0.08, 0.08), place(-0.1, -0.06, 0.07), place(-0.03, -0.15, 0.06), place(0.05, -0.19, 0.05), place(0.09, -0.13, 0.03), place(0.08, -0.06, 0.02)],
    6,
  );
  const size = (share: number): number => 0.026 + 0.02 * Math.exp(-(((share - 0.78) / 0.13) ** 2));
  return sweep({ path: line, out: () => [1, 0, 0], width: size, height: size, sides: 12 });
}

function bowl(): Form {
  const [count, sides] = [10, 24];
  const positions = new Float32Array(3 * count * sides);
  for (let ring = 0; ring < count; ring += 1) {
    const share = ring / (count - 1);
    for (let side = 0; side < sides; side += 1) {
      const angle = (2 * Math.PI * side) / sides;
      const [f, u] = [0.12 * share * Math.cos(angle) - 0.015, 0.2 * share * Math.sin(angle) + 0.02];
      positions.set(place(f, u, 0.0 + 0.055 * share * share), 3 * (ring * sides + side));
    }
  }
  return { positions, indices: rings(count, sides).reverse() };
}

function tinted(form: Form, share: number): Form {
  const colour = PALETTE.skin.clone().lerp(PALETTE.blush, share);
  const colours = new Float32Array(form.positions.length);
  for (let index = 0; index < colours.length; index += 3) colours.set([colour.r, colour.g, colour.b], index);
  return { ...form, colours };
}
