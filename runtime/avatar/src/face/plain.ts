/** Simple materials for machines that draw slowly: the same colours, no reflections. */

import { HemisphereLight, MeshLambertMaterial, MeshPhysicalMaterial, type Mesh, type Scene } from "three";

/** What the reflections of the room gave, as plain light. */
const MAKE_UP = new HemisphereLight("#fff8f0", "#e0b8a8", 1.9);

/** Exchange what is costly in a scene; doing it again changes nothing. */
export function plainer(scene: Scene): void {
  if (MAKE_UP.parent === scene) return;
  scene.environment = null;
  scene.add(MAKE_UP);
  scene.traverse((object) => {
    const mesh = object as Mesh;
    if (mesh.material instanceof MeshPhysicalMaterial) mesh.material = simple(mesh.material);
  });
}

function simple({ color, map, vertexColors, side, transparent }: MeshPhysicalMaterial): MeshLambertMaterial {
  return new MeshLambertMaterial({ color, map, vertexColors, side, transparent });
}
