import assert from "node:assert/strict";
import { test } from "node:test";
import { buildBrows, buildLashes } from "../src/face/head/brows.ts";
import { fieldOf } from "../src/face/head/fields.ts";
import { toEye } from "../src/face/head/lids.ts";
import { EYE, MOUTH, type Vec } from "../src/face/head/measures.ts";
import { buildTeeth, buildTongue } from "../src/face/head/mouth.ts";
import type { Point } from "../src/face/head/net.ts";
import { buildSkin } from "../src/face/head/skin.ts";
import { SHAPES } from "../src/face/shapes.ts";

const { points, triangles } = buildSkin();

/** Place of a point of the skin under weights. */
function posed(point: Point, weights: Record<string, number>): Vec {
  const at: [number, number, number] = [...point.at];
  for (const [shape, weight] of Object.entries(weights)) {
    fieldOf(shape)(point).forEach((by, axis) => (at[axis] += weight * by));
  }
  return at;
}

const edge = points.filter((point) => point.q === 0 && point.inside === 0);
const middle = (upper: boolean): Point => {
  const side = edge.filter((point) => point.upper === upper);
  return side.reduce((best, point) => (Math.abs(point.at[0]) < Math.abs(best.at[0]) ? point : best));
};
const gap = (weights: Record<string, number>): number => posed(middle(true), weights)[1] - posed(middle(false), weights)[1];
const width = (weights: Record<string, number>): number => {
  const across = edge.map((point) => posed(point, weights)[0]);
  return Math.max(...across) - Math.min(...across);
};

test("every edge of the skin's net belongs to at most two triangles, and each triangle has an area", () => {
  const uses = new Map<string, number>();
  for (const [a, b, c] of triangles) {
    assert.ok(new Set([a, b, c]).size === 3);
    for (const [from, to] of [[a, b], [b, c], [c, a]]) {
      const key = `${from}>${to}`;
      uses.set(key, (uses.get(key) ?? 0) + 1);
    }
  }
  assert.ok([...uses.values()].every((count) => count === 1), "neighbours are wound the same way");
});

test("the skin is symmetric", () => {
  const places = new Set(points.map(({ at }) => at.map((value) => value.toFixed(6)).join()));
  for (const { at } of points) {
    const twin = [-at[0] || 0, at[1], at[2]].map((value) => value.toFixed(6)).join();
    assert.ok(places.has(twin) || places.has(twin.replace(/^0\.000000/, "-0.000000")), twin);
  }
});

test("each shape moves the skin, visibly", () => {
  for (const shape of SHAPES) {
    const field = fieldOf(shape);
    const largest = Math.max(...points.map((point) => Math.hypot(...field(point))));
    const least = /^eyeLook(In|Out)/.test(shape) ? 0.005 : 0.02;
    assert.ok(largest > least && largest < 0.45, `${shape} moves ${largest}`);
  }
});

test("left shapes move the left side, right shapes the right side alike", () => {
  for (const shape of SHAPES.filter((name) => name.endsWith("Left") && !/^(jaw|mouth)Left$/.test(name))) {
    const moved = (name: string, side: number): number =>
      Math.max(...points.filter((point) => point.at[0] * side > 0.15).map((point) => Math.hypot(...fieldOf(name)(point))));
    const other = shape.replace("Left", "Right");
    assert.ok(moved(shape, 1) > 3 * moved(shape, -1), shape);
    assert.ok(Math.abs(moved(shape, 1) - moved(other, -1)) < 1e-9, shape);
  }
});

test("the jaw opens the mouth, mouthClose shuts it again", () => {
  assert.ok(Math.abs(gap({})) < 1e-6);
  assert.ok(gap({ jawOpen: 0.5 }) > 0.08);
  for (const open of [0.2, 0.5, 1]) {
    assert.ok(Math.abs(gap({ jawOpen: open, mouthClose: open })) < 0.012, `at ${open}`);
  }
});

test("funnel opens and narrows, pucker narrows, smile and stretch widen", () => {
  assert.ok(gap({ mouthFunnel: 1 }) > 0.06 && width({ mouthFunnel: 1 }) < 0.85 * width({}));
  assert.ok(width({ mouthPucker: 1 }) < 0.65 * width({}));
  assert.ok(Math.abs(gap({ mouthPucker: 1 })) < 0.01);
  assert.ok(width({ mouthSmileLeft: 1, mouthSmileRight: 1 }) > 1.2 * width({}));
  assert.ok(width({ mouthStretchLeft: 1, mouthStretchRight: 1 }) > 1.2 * width({}));
});

test("smiles lift the corners, frowns lower them", () => {
  const corner = edge.reduce((best, point) => (point.at[0] > best.at[0] ? point : best));
  assert.ok(posed(corner, { mouthSmileLeft: 1 })[1] > corner.at[1] + 0.06);
  assert.ok(posed(corner, { mouthFrownLeft: 1 })[1] < corner.at[1] - 0.06);
});

test("closed lids meet, and never cut into the eyeball on the way", () => {
  const rim = points.filter(({ at }) => at[0] > 0 && Math.abs(toEye(at).r - EYE.radius * EYE.lid) < 1e-6);
  assert.ok(rim.length >= 40);
  for (const weight of [0.25, 0.5, 0.75, 1]) {
    const places = rim.map((point) => toEye(posed(point, { eyeBlinkLeft: weight })));
    assert.ok(places.every(({ r }) => r > EYE.radius), `at ${weight}`);
    if (weight < 1) continue;
    const centre = places.filter(({ az }) => Math.abs(az) < 0.25).map(({ el }) => el);
    assert.ok(Math.max(...centre) - Math.min(...centre) < 0.12, "a slit is left");
  }
});

test("lower teeth and tongue go with the jaw, the tongue comes out", () => {
  const names = (mesh: { morphTargetDictionary?: Record<string, number> }): string[] => Object.keys(mesh.morphTargetDictionary ?? {});
  assert.deepEqual(names(buildTeeth(true)), []);
  assert.ok(names(buildTeeth(false)).includes("jawOpen"));
  const tongue = buildTongue();
  assert.ok(names(tongue).includes("tongueOut"));
  const out = tongue.geometry.morphAttributes.position?.[names(tongue).indexOf("tongueOut")];
  assert.ok(out);
  const rest = tongue.geometry.attributes.position;
  const reach = Math.max(...Array.from({ length: rest.count }, (_, index) => rest.getZ(index) + out.getZ(index)));
  const lips = Math.max(...edge.map((point) => point.at[2]));
  assert.ok(reach > lips + 0.1);
});

test("brows go up and down, lashes close with the lids", () => {
  const brows = Object.keys(buildBrows().morphTargetDictionary ?? {});
  for (const shape of ["browInnerUp", "browDownLeft", "browOuterUpRight"]) assert.ok(brows.includes(shape));
  assert.ok("eyeBlinkRight" in (buildLashes().morphTargetDictionary ?? {}));
  assert.ok(MOUTH.halfWidth > 0);
});
