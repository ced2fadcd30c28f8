/** From points and fields to what three.js draws: geometry with relative morph targets. */

import { BufferAttribute, BufferGeometry, Mesh, type Material } from "three";
import { SHAPES } from "../shapes.ts";
import type { Vec } from "./measures.ts";

export interface Form {
  positions: Float32Array;
  indices: number[];
  colours?: Float32Array;
}

/** Displacement of vertex `index` by a shape at weight 1. */
export type Move = (shape: string, index: number) => Vec;

const STILL = 1e-5;

/** Shapes that move nothing of a form are left out of it. */
export function morphing(form: Form, move: Move, shapes: readonly string[] = SHAPES): BufferGeometry {
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(form.positions, 3));
  geometry.setIndex(form.indices);
  if (form.colours) geometry.setAttribute("color", new BufferAttribute(form.colours, 3));
  const normals = normalsOf(form.positions, form.indices);
  geometry.setAttribute("normal", new BufferAttribute(normals, 3));
  const moved: BufferAttribute[] = [];
  const turned: BufferAttribute[] = [];
  for (const shape of shapes) {
    const deltas = deltasOf(form, move, shape);
    if (!deltas) continue;
    moved.push(Object.assign(new BufferAttribute(deltas, 3), { name: shape }));
    turned.push(new BufferAttribute(turnOf(form, normals, deltas), 3));
  }
  if (!moved.length) return geometry;
  geometry.morphAttributes = { position: moved, normal: turned };
  geometry.morphTargetsRelative = true;
  return geometry;
}

/** A mesh whose morphTargetDictionary holds the ARKit names of its shapes. */
export function morphingMesh(geometry: BufferGeometry, material: Material, name: string): Mesh {
  const mesh = new Mesh(geometry, material);
  mesh.name = name;
  mesh.castShadow = mesh.receiveShadow = true;
  mesh.frustumCulled = false;
  return mesh;
}

function deltasOf(form: Form, move: Move, shape: string): Float32Array | undefined {
  const deltas = new Float32Array(form.positions.length);
  let largest = 0;
  for (let index = 0; index < deltas.length / 3; index += 1) {
    const by = move(shape, index);
    deltas.set(by, 3 * index);
    largest = Math.max(largest, Math.abs(by[0]), Math.abs(by[1]), Math.abs(by[2]));
  }
  return largest > STILL ? deltas : undefined;
}

/** How the normals turn when the points move. */
function turnOf(form: Form, normals: Float32Array, deltas: Float32Array): Float32Array {
  const moved = form.positions.map((value, index) => value + deltas[index]);
  const turned = normalsOf(moved, form.indices);
  for (let index = 0; index < turned.length; index += 1) turned[index] -= normals[index];
  return turned;
}

/** Normals of the vertices, weighted by the areas around them. */
export function normalsOf(positions: Float32Array, indices: readonly number[]): Float32Array {
  const normals = new Float32Array(positions.length);
  for (let index = 0; index < indices.length; index += 3) {
    const [a, b, c] = [3 * indices[index], 3 * indices[index + 1], 3 * indices[index + 2]];
    const ux = positions[b] - positions[a];
    const uy = positions[b + 1] - positions[a + 1];
    const uz = positions[b + 2] - positions[a + 2];
    const vx = positions[c] - positions[a];
    const vy = positions[c + 1] - positions[a + 1];
    const vz = positions[c + 2] - positions[a + 2];
    const [nx, ny, nz] = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
    for (const at of [a, b, c]) {
      normals[at] += nx;
      normals[at + 1] += ny;
      normals[at + 2] += nz;
    }
  }
  for (let at = 0; at < normals.length; at += 3) {
    const length = Math.hypot(normals[at], normals[at + 1], normals[at + 2]) || 1;
    normals[at] /= length;
    normals[at + 1] /= length;
    normals[at + 2] /= length;
  }
  return normals;
}
