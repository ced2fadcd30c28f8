/** Reading heads of others: GLB files with blendshapes, in this browser only. */

import { Box3, Group, type Mesh, type Object3D, Vector3 } from "three";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
import { MeshoptDecoder } from "three/addons/libs/meshopt_decoder.module.js";
import { compressed } from "./compression.ts";
import { Coverage } from "./names.ts";
import { Rig } from "./rig.ts";
import type { Model } from "./stage.ts";

/** Height of the head that the camera shows. */
const HEIGHT = 2.15;

/** Read a model; throws a sentence when it is none or compressed, or when its mouth could not move. */
export async function readModel(data: ArrayBuffer): Promise<Model> {
  const obstacle = compressed(data);
  if (obstacle) throw new Error(obstacle);
  const scene = await parse(data);
  const coverage = new Coverage(shapeNames(scene));
  if (coverage.obstacle) throw new Error(coverage.obstacle);
  const root = new Group();
  root.add(scene);
  frame(scene);
  return { root, rig: new Rig(scene, (own) => coverage.sources(own)), report: coverage.report };
}

async function parse(data: ArrayBuffer): Promise<Object3D> {
  const loader = new GLTFLoader();
  loader.setMeshoptDecoder(MeshoptDecoder);
  try {
    return (await loader.parseAsync(data, "")).scene;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`This file is no GLB model that can be read (${reason}).`);
  }
}

function meshes(scene: Object3D): Mesh[] {
  const found: Mesh[] = [];
  scene.traverse((object) => {
    if ((object as Mesh).isMesh) found.push(object as Mesh);
  });
  return found;
}

function shapeNames(scene: Object3D): string[] {
  return meshes(scene).flatMap((mesh) => Object.keys(mesh.morphTargetDictionary ?? {}));
}

/** Bring the head, which is what has shapes, to where the built-in one is. */
function frame(scene: Object3D): void {
  scene.updateMatrixWorld(true);
  const box = new Box3();
  for (const mesh of meshes(scene)) {
    mesh.frustumCulled = false;
    mesh.castShadow = mesh.receiveShadow = true;
    if (Object.keys(mesh.morphTargetDictionary ?? {}).length) box.expandByObject(mesh);
  }
  const size = box.getSize(new Vector3());
  const middle = box.getCenter(new Vector3());
  // A body with shapes as a whole: its head is about an eighth of it, on top.
  const whole = size.y > 2.2 * size.x && size.y > 1;
  const height = whole ? size.y / 7 : size.y;
  const centre = whole ? box.max.y - height / 2 : middle.y;
  const by = HEIGHT / (height || 1);
  scene.scale.multiplyScalar(by);
  scene.position.set(scene.position.x - middle.x, scene.position.y - centre, scene.position.z - middle.z).multiplyScalar(by);
}
