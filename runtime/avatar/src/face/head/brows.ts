/** Brows and lashes: strokes on the skin that move with it. */

import { MeshPhysicalMaterial, type Mesh } from "three";
import { fieldOf } from "./fields.ts";
import { lidEdge, fromEye } from "./lids.ts";
import { BROW, EYE, type Vec, mix, smoothstep } from "./measures.ts";
import { type Form, morphing, morphingMesh } from "./mesh.ts";
import { PALETTE } from "./paint.ts";
import { normalAt, skinInFront } from "./sculpture.ts";
import { along, merge, minus, sweep, unit } from "./sweep.ts";

const STEPS = 22;

/** Both brows. */
export function buildBrows(): Mesh {
  return onSkin(brow(), new MeshPhysicalMaterial({ color: PALETTE.brow, roughness: 0.75 }), "brows");
}

/** The lashes of both upper lids. */
export function buildLashes(): Mesh {
  return onSkin(lashes(), new MeshPhysicalMaterial({ color: PALETTE.lash, roughness: 0.6 }), "lashes");
}

function brow(): Form {
  const path = Array.from({ length: STEPS + 1 }, (_, step): Vec => {
    const share = (1 - Math.cos((Math.PI * step) / STEPS)) / 2;
    const x = mix(BROW.inner, BROW.outer, share);
    const y = BROW.y + 0.045 * Math.sin(share ** 0.9 * 2.5) - 0.04 * share ** 2;
    const skin = skinInFront(x, y);
    return along(skin, normalAt(skin), 0.008);
  });
  return sweep({
    path,
    out: (p) => normalAt(p),
    width: (share) => 0.033 * blunt(share),
    height: (share) => 0.02 * blunt(share),
    sides: 12,
  });
}

/** Round at the inner end, thin at the outer. */
function blunt(share: number): number {
  return Math.sqrt(Math.max(0, 1 - Math.max(0, 1 - share / 0.2) ** 2)) * (1 - 0.25 * share) * Math.sqrt(Math.max(0, 1 - share ** 3));
}

function lashes(): Form {
  const path = Array.from({ length: 2 * STEPS + 1 }, (_, step): Vec => {
    const share = step / (2 * STEPS);
    const edge = lidEdge(Math.PI * (0.93 - 0.97 * share), 1.015);
    const flick = smoothstep(0.8, 1, share);
    return fromEye({ az: edge.az + 0.09 * flick, el: edge.el + 0.07 * flick, r: edge.r * (1.03 + 0.1 * flick) });
  });
  return sweep({
    path,
    out: (p) => unit(minus(p, EYE.centre)),
    width: (share) => 0.0125 * smoothstep(0, 0.35, share) * (1 - smoothstep(0.8, 1, share) * 0.85),
    height: (share) => 0.016 * smoothstep(0, 0.3, share) * (1 - smoothstep(0.8, 1, share) * 0.8),
    sides: 8,
  });
}

/** A form of the left side and its mirror image, moved by the skin's fields. */
function onSkin(left: Form, material: MeshPhysicalMaterial, name: string): Mesh {
  const form = merge([left, mirrored(left)]);
  const { positions } = form;
  const geometry = morphing(form, (shape, index) => {
    const at: Vec = [positions[3 * index], positions[3 * index + 1], positions[3 * index + 2]];
    return fieldOf(shape)({ at, upper: true, q: 9, inside: 0 });
  });
  return morphingMesh(geometry, material, name);
}

/** The mirror image of a form, its triangles turned so that they face outwards. */
export function mirrored(form: Form): Form {
  const positions = form.positions.map((value, index) => (index % 3 === 0 ? -value : value));
  const indices: number[] = [];
  for (let index = 0; index < form.indices.length; index += 3) {
    indices.push(form.indices[index], form.indices[index + 2], form.indices[index + 1]);
  }
  return { ...form, positions, indices };
}
