/** Teeth and tongue. */

import { MeshPhysicalMaterial, type Mesh } from "three";
import { MOUTH, type Vec, smoothstep } from "./measures.ts";
import { fieldOf } from "./fields.ts";
import { morphing, morphingMesh } from "./mesh.ts";
import type { Point } from "./net.ts";

const ARCH = { halfWidth: 0.212, depth: 0.2, front: 0.655 };
const JAW_SHAPES = ["jawOpen", "jawForward", "jawLeft", "jawRight"];
const TEETH = 5;

/** A row of teeth. */
export function buildTeeth(upper: boolean): Mesh {
  const columns = 96;
  const rows = 10;
  const positions = new Float32Array(3 * (columns + 1) * (rows + 1));
  for (let column = 0; column <= columns; column += 1) {
    for (let row = 0; row <= rows; row += 1) {
      positions.set(toothPoint(2 * (column / columns) - 1, row / rows, upper), 3 * (column * (rows + 1) + row));
    }
  }
  const form = { positions, colours: shadedTeeth(positions, upper), indices: grid(columns, rows, !upper) };
  const geometry = morphing(form, (shape, index) => (upper ? [0, 0, 0] : jaw(shape, at(positions, index))), JAW_SHAPES);
  const material = new MeshPhysicalMaterial({ vertexColors: true, roughness: 0.25, clearcoat: 0.4, side: 2, envMapIntensity: 0.3 });
  return morphingMesh(geometry, material, upper ? "upperTeeth" : "lowerTeeth");
}

/** White in the middle, darker to the sides and the gum, where lips and cheeks take the light. */
function shadedTeeth(positions: Float32Array, upper: boolean): Float32Array {
  const colours = new Float32Array(positions.length);
  for (let index = 0; index < positions.length; index += 3) {
    const aside = smoothstep(0.08, 0.22, Math.abs(positions[index]));
    const gum = upper ? smoothstep(MOUTH.y - 0.005, MOUTH.y + 0.07, positions[index + 1]) : 0.25;
    const light = (1 - 0.62 * aside) * (1 - 0.6 * gum);
    colours.set([0.96 * light, 0.9 * light, 0.83 * light], index);
  }
  return colours;
}

/** across -1..1 along the arch, down 0 (gum) .. 1 (edge). */
function toothPoint(across: number, down: number, upper: boolean): Vec {
  const place = across * TEETH;
  const gap = Math.abs(place - Math.round(place));
  const groove = 1 - smoothstep(0, 0.12, gap);
  const narrow = upper ? 1 : 0.9;
  const length = (upper ? 0.1 : 0.085) * (1 - 0.25 * across * across) - 0.004 * groove;
  const belly = 0.016 * Math.sin(Math.PI * (0.2 + 0.6 * down)) - 0.003 * groove;
  const edge = smoothstep(0.85, 1, down) * 0.014;
  const turn = across * 1.35;
  const radius = ARCH.halfWidth * narrow + belly - edge;
  const gum = upper ? 0.075 : -0.15;
  const y = MOUTH.y + gum + (upper ? -length * down : length * down);
  return [radius * Math.sin(turn), y, ARCH.front - ARCH.depth + (ARCH.depth + belly - edge) * Math.cos(turn) * (upper ? 1 : 0.94)];
}

/** The tongue lies behind the lower teeth; out, it comes over them and down. */
export function buildTongue(): Mesh {
  const columns = 24;
  const rows = 28;
  const positions = new Float32Array(3 * (columns + 1) * (rows + 1));
  for (let column = 0; column <= columns; column += 1) {
    for (let row = 0; row <= rows; row += 1) {
      positions.set(tonguePoint((2 * Math.PI * column) / columns, row / rows), 3 * (column * (rows + 1) + row));
    }
  }
  const form = { positions, indices: grid(columns, rows, true) };
  const geometry = morphing(form, (shape, index) => tongueMove(shape, at(positions, index)), [...JAW_SHAPES, "tongueOut"]);
  const material = new MeshPhysicalMaterial({ color: "#d9737a", roughness: 0.38, clearcoat: 0.35, clearcoatRoughness: 0.4, envMapIntensity: 0.5 });
  return morphingMesh(geometry, material, "tongue");
}

const TONGUE = { back: 0.15, tip: 0.585, y: MOUTH.y - 0.062, width: 0.145, height: 0.045 };

function tonguePoint(around: number, along: number): Vec {
  const taper = Math.sqrt(Math.max(0, 1 - Math.max(0, (along - 0.62) / 0.38) ** 2.2));
  const groove = Math.sin(around) > 0 ? 0.012 * Math.exp(-((Math.cos(around) / 0.25) ** 2)) * taper : 0;
  const x = TONGUE.width * taper * Math.cos(around);
  const y = TONGUE.y + TONGUE.height * taper * Math.sin(around) - groove - 0.02 * along;
  return [x, y, TONGUE.back + (TONGUE.tip - TONGUE.back) * along];
}

function tongueMove(shape: string, p: Vec): Vec {
  if (shape !== "tongueOut") {
    const [x, y, z] = jaw(shape, p);
    return [0.9 * x, 0.9 * y, 0.9 * z];
  }
  const along = (p[2] - TONGUE.back) / (TONGUE.tip - TONGUE.back);
  const out = smoothstep(0.1, 1, along);
  return [-0.18 * p[0] * out, 0.05 * smoothstep(0.2, 0.6, along) - 0.13 * smoothstep(0.62, 1, along), 0.43 * out];
}

/** Movement of what is fixed to the jaw's bone. */
function jaw(shape: string, p: Vec): Vec {
  const bone: Point = { at: [0, p[1], p[2]], upper: false, q: 0, inside: 1e-6 };
  return fieldOf(shape)(bone);
}

function at(positions: Float32Array, index: number): Vec {
  return [positions[3 * index], positions[3 * index + 1], positions[3 * index + 2]];
}

function grid(columns: number, rows: number, flip: boolean): number[] {
  const indices: number[] = [];
  for (let column = 0; column < columns; column += 1) {
    for (let row = 0; row < rows; row += 1) {
      const a = column * (rows + 1) + row;
      const [b, c, d] = [a + rows + 1, a + rows + 2, a + 1];
      indices.push(...(flip ? [a, c, b, a, d, c] : [a, b, c, a, c, d]));
    }
  }
  return indices;
}
