/** Hair: a cap on the scalp and locks that are combed from a parting. */

import { FrontSide, Mesh, MeshPhysicalMaterial } from "three";
import { CENTRE, type Vec, mix, smoothstep } from "./measures.ts";
import { type Form, morphing } from "./mesh.ts";
import { PALETTE } from "./paint.ts";
import { skinTowards } from "./sculpture.ts";
import { along, merge, minus, spline, sweep, unit } from "./sweep.ts";

/** A place on the head: turn from straight ahead to the left, and height, in degrees; lift in units. */
type Place = readonly [turn: number, height: number, lift: number];

interface Lock {
  places: readonly Place[];
  width: number;
  height: number;
  tint: number;
}

/** The hair in one mesh. */
export function buildHair(): Mesh {
  const forms = [cap(), ...locks().map(form)];
  const material = new MeshPhysicalMaterial({
    vertexColors: true,
    shadowSide: FrontSide,
    roughness: 0.5,
    sheen: 0.5,
    sheenRoughness: 0.4,
    sheenColor: PALETTE.hair.clone().multiplyScalar(2),
    envMapIntensity: 0.6,
  });
  const mesh = new Mesh(morphing(merge(forms), () => [0, 0, 0], []), material);
  mesh.name = "hair";
  mesh.castShadow = mesh.receiveShadow = true;
  return mesh;
}

function direction(turn: number, height: number): Vec {
  const [t, h] = [(turn * Math.PI) / 180, (height * Math.PI) / 180];
  return [Math.sin(t) * Math.cos(h), Math.sin(h), Math.cos(t) * Math.cos(h)];
}

function onHead([turn, height, lift]: Place): Vec {
  const d = direction(turn, height);
  return along(skinTowards(d), d, lift);
}

/** Lowest height of hair at a turn: high over the forehead, down to the nape behind. */
export function hairline(turn: number): number {
  const at = Math.abs(turn);
  const temple = mix(51, 12, smoothstep(42, 78, at));
  return mix(temple, -32, smoothstep(92, 135, at));
}

function cap(): Form {
  const [columns, rows] = [64, 16];
  const positions = new Float32Array(3 * columns * rows);
  const indices: number[] = [];
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const turn = (360 * column) / columns - 180;
      const share = row / (rows - 1);
      const height = mix(89.9, hairline(turn), share);
      const lift = 0.055 * (1 - smoothstep(0.86, 1, share)) - 0.012 * smoothstep(0.9, 1, share);
      positions.set(onHead([turn, height, lift]), 3 * (row * columns + column));
      if (row === rows - 1) continue;
      const next = (column + 1) % columns;
      const [a, b] = [row * columns + column, row * columns + next];
      indices.push(a, a + columns, b + columns, a, b + columns, b);
    }
  }
  return tinted({ positions, indices }, () => 0.75);
}

function locks(): Lock[] {
  return [...fringe(), ...leftSide(), ...crown(), ...sides()];
}

/** Combed from the parting over the forehead to the right. */
function fringe(): Lock[] {
  return Array.from({ length: 12 }, (_, index) => {
    const share = index / 11;
    const [turn, height] = [mix(40, 100, share), mix(50, 80, share)];
    const end = mix(-50, -118, share);
    const low = mix(34, 10, share);
    const lift = mix(0.11, 0.095, share) + 0.014 * Math.sin(index * 2.4);
    return {
      places: [
        [turn, height, 0.035],
        [mix(turn, end, 0.22), mix(height, 86, share), lift],
        [mix(turn, end, 0.52), mix(47, 72, share), lift + 0.012],
        [mix(turn, end, 0.8), mix(42, 38, share), 0.09],
        [end, low, 0.06],
        [end - 14, low - 16, 0.02],
      ],
      width: 0.125 + 0.02 * Math.sin(index * 2.1),
      height: 0.062,
      tint: 1.02 + 0.16 * Math.sin(index * 2.7),
    };
  });
}

/** Combed from the parting down to the left temple. */
function leftSide(): Lock[] {
  return Array.from({ length: 8 }, (_, index) => {
    const share = index / 7;
    const [turn, height] = [mix(38, 104, share), mix(52, 78, share)];
    return {
      places: [
        [turn, height, 0.04],
        [turn + 12, height - 7, 0.09],
        [mix(57, 112, share), mix(33, 40, share), 0.085],
        [mix(69, 120, share), mix(15, 8, share), 0.045],
        [mix(75, 124, share), mix(4, -4, share), 0.01],
      ],
      width: 0.105,
      height: 0.055,
      tint: 0.98 + 0.15 * Math.sin(index * 1.9 + 1),
    };
  });
}

/** Over the back of the head. */
function crown(): Lock[] {
  return Array.from({ length: 9 }, (_, index) => {
    const turn = mix(112, 250, index / 8);
    return {
      places: [[turn * 0.6 + 72, 82, 0.07], [turn, 50, 0.1], [turn, 12, 0.09], [turn, -22, 0.05], [turn, -36, 0.02]],
      width: 0.16,
      height: 0.06,
      tint: 0.92 + 0.1 * Math.sin(index * 2.3),
    };
  });
}

/** In front of the ears. */
function sides(): Lock[] {
  return [-1, 1].flatMap((side) =>
    [0, 1, 2, 3].map((index) => ({
      places: [[side * (92 + 11 * index), 46, 0.05], [side * (86 + 13 * index), 28, 0.07], [side * (82 + 15 * index), 15, 0.05], [side * (80 + 16 * index), 4 + 2 * index, 0.012]] as const,
      width: 0.08,
      height: 0.045,
      tint: 0.9 + 0.05 * index,
    })),
  );
}

function form({ places, width, height, tint }: Lock): Form {
  const path = spline(places.map(onHead), 5);
  const taper = (share: number): number => smoothstep(-0.06, 0.3, share) * Math.max(0.015, 1 - share ** 3.2);
  const shape = sweep({
    path,
    out: (p) => unit(minus(p, CENTRE)),
    width: (share) => width * taper(share),
    height: (share) => height * taper(share),
    sides: 14,
    ridges: 0.07,
  });
  return tinted(shape, (share) => tint * mix(0.86, 1.1, share));
}

/** Colours along a form, its points in the order of their rings. */
function tinted(shape: Form, shade: (share: number) => number): Form {
  const colours = new Float32Array(shape.positions.length);
  const { r, g, b } = PALETTE.hair;
  for (let index = 0; index < colours.length; index += 3) {
    const by = shade(index / colours.length);
    colours.set([r * by, g * by, b * by], index);
  }
  return { ...shape, colours };
}
