/** The built-in head: everything together. */

import { FrontSide, Group, MeshPhysicalMaterial, type Mesh } from "three";
import { buildBody } from "./body.ts";
import { buildBrows, buildLashes } from "./brows.ts";
import { buildEars } from "./ears.ts";
import { buildEye } from "./eyes.ts";
import { fieldOf } from "./fields.ts";
import { buildHair } from "./hair.ts";
import { morphing, morphingMesh } from "./mesh.ts";
import { buildTeeth, buildTongue } from "./mouth.ts";
import { paint } from "./paint.ts";
import { buildSkin } from "./skin.ts";

export interface BuiltHead {
  /** Turns and nods. */
  head: Group;
  body: Group;
}

/** Build the head and the body below it; takes some tenths of a second. */
export function buildHead(): BuiltHead {
  const material = new MeshPhysicalMaterial({
    vertexColors: true,
    shadowSide: FrontSide,
    roughness: 0.52,
    sheen: 0.35,
    sheenRoughness: 0.5,
    sheenColor: "#ffb190",
    specularIntensity: 0.55,
    envMapIntensity: 0.3,
  });
  const head = new Group();
  head.add(skin(material), buildBrows(), buildLashes(), buildEars(material), buildHair());
  head.add(buildTeeth(true), buildTeeth(false), buildTongue(), buildEye("Left"), buildEye("Right"));
  return { head, body: buildBody(material) };
}

function skin(material: MeshPhysicalMaterial): Mesh {
  const { points, triangles } = buildSkin();
  const positions = new Float32Array(points.flatMap((point) => [...point.at]));
  const colours = new Float32Array(points.flatMap((point) => paint(point).toArray()));
  const form = { positions, colours, indices: triangles.flat() };
  const fields = new Map<string, ReturnType<typeof fieldOf>>();
  const geometry = morphing(form, (shape, index) => {
    let field = fields.get(shape);
    if (!field) fields.set(shape, (field = fieldOf(shape)));
    return field(points[index]);
  });
  return morphingMesh(geometry, material, "skin");
}
