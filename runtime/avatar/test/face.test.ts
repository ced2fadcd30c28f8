import assert from "node:assert/strict";
import { test } from "node:test";
import { compressed } from "../src/face/compression.ts";
import { Expression, lidAt, look } from "../src/face/expression.ts";
import { flatPose, mouthPath } from "../src/face/flat.ts";
import { framing } from "../src/face/framing.ts";
import { readModel } from "../src/face/glb.ts";
import { Coverage, arkitName, visemeName } from "../src/face/names.ts";
import { Quality, STEPS, pinnedQuality } from "../src/face/quality.ts";
import { plausible } from "../src/face/rig.ts";
import { INDEX, SHAPES, placesOf } from "../src/face/shapes.ts";
import { glb } from "./support.ts";

const weightsOf = (named: Record<string, number>): Float32Array => {
  const weights = new Float32Array(SHAPES.length);
  for (const [name, value] of Object.entries(named)) weights[INDEX[name]] = value;
  return weights;
};

test("there are 52 shapes, each once", () => {
  assert.equal(SHAPES.length, 52);
  assert.equal(new Set(SHAPES).size, 52);
});

test("a stream's shapes go by name, in any order and case", () => {
  assert.deepEqual([...placesOf(["TongueOut", "jawOpen", "tongueTipUp"])], [INDEX.tongueOut, INDEX.jawOpen, -1]);
});

test("names of models are understood", () => {
  const cases: Record<string, string | undefined> = {
    jawOpen: "jawOpen",
    JawOpen: "jawOpen",
    "blendShape1.mouthSmile_L": "mouthSmileLeft",
    mouthSmile_R: "mouthSmileRight",
    mouthLeft: "mouthLeft",
    mouth_left: "mouthLeft",
    EyeBlinkLeft: "eyeBlinkLeft",
    eyeBlink_L: "eyeBlinkLeft",
    browDown_R: "browDownRight",
    "head:cheekPuff": "cheekPuff",
    ARKit_browInnerUp: "browInnerUp",
    smile: undefined,
  };
  for (const [own, expected] of Object.entries(cases)) assert.equal(arkitName(own), expected, own);
  assert.equal(visemeName("viseme_PP"), "pp");
  assert.equal(visemeName("viseme_aa"), "aa");
  assert.equal(visemeName("Fcl_MTH_O"), "o");
  assert.equal(visemeName("oh"), "o");
  assert.equal(visemeName("nose"), undefined);
});

test("coverage is counted and reported", () => {
  const all = new Coverage([...SHAPES]);
  assert.equal(all.obstacle, undefined);
  assert.equal(all.report, "52/52 shapes found.");
  const some = new Coverage(SHAPES.filter((name) => !name.startsWith("eyeWide")));
  assert.match(some.report, /^50\/52 shapes found\. Missing: eyeWideLeft, eyeWideRight\.$/);
});

test("a model that cannot speak is refused with a sentence", () => {
  assert.match(new Coverage(["mouthClose"]).obstacle ?? "", /no jawOpen/);
  assert.match(new Coverage(["jawOpen", "browInnerUp"]).obstacle ?? "", /closes its lips/);
  assert.match(new Coverage([]).obstacle ?? "", /no jawOpen/);
});

const DRACO = "KHR_draco_mesh_compression";
const KTX2 = "KHR_texture_basisu";

test("a model that is compressed is refused with a sentence that says by what and what to do", async () => {
  const advice = "which this page cannot read: export it without compression.";
  const draco = { extensionsUsed: [DRACO], extensionsRequired: [DRACO] };
  const one = `This model is compressed with Draco (${DRACO}), ${advice}`;
  await assert.rejects(readModel(glb(draco)), { message: one });
  const text = new TextEncoder().encode(JSON.stringify(draco)).buffer;
  assert.equal(compressed(text), one);
  const both = { extensionsUsed: [DRACO, KTX2], extensionsRequired: [KTX2] };
  await assert.rejects(readModel(glb(both)), { message: `This model is compressed with Draco (${DRACO}) and KTX2 (${KTX2}), ${advice}` });
});

test("a model that the page can read is not taken for a compressed one", async () => {
  assert.equal(compressed(glb({ extensionsUsed: [KTX2] })), undefined); // it has other textures too
  const meshopt = { extensionsUsed: ["EXT_meshopt_compression"], extensionsRequired: ["EXT_meshopt_compression"] };
  await assert.rejects(readModel(glb({ ...meshopt, scene: 0, scenes: [{ nodes: [] }] })), /no jawOpen/);
  for (const letter of ["not a model", "", "null", "[1]"]) {
    await assert.rejects(readModel(new TextEncoder().encode(letter).buffer), /is no GLB model that can be read/);
  }
});

test("a model with visemes only speaks by them, one with both by ARKit", () => {
  const visemes = new Coverage(["viseme_aa", "viseme_PP", "viseme_U"]);
  assert.equal(visemes.obstacle, undefined);
  assert.ok(visemes.sources("viseme_aa").some((source) => source.shape === "jawOpen"));
  const both = new Coverage(["jawOpen", "mouthClose", "viseme_aa"]);
  assert.deepEqual(both.sources("viseme_aa"), []);
  assert.deepEqual(both.sources("jawOpen"), [{ shape: "jawOpen", gain: 1 }]);
});

test("lips never close beyond what the jaw has opened", () => {
  const weights = weightsOf({ jawOpen: 0.2, mouthClose: 0.9 });
  plausible(weights);
  assert.equal(weights[INDEX.mouthClose], weights[INDEX.jawOpen]);
});

test("the drawn mouth opens with the jaw and closes on p, b and m", () => {
  const open = flatPose(weightsOf({ jawOpen: 0.6 }));
  const closed = flatPose(weightsOf({ jawOpen: 0.3, mouthClose: 0.3 }));
  assert.ok(open.gap > 30);
  assert.equal(closed.gap, 0);
  assert.ok(flatPose(weightsOf({ mouthPucker: 1 })).width < 0.6 * flatPose(weightsOf({})).width);
  assert.match(mouthPath(open), /^M[\d.]+ /);
});

test("what is said is shown exactly, and goes within a fifth of a second after it", () => {
  const expression = new Expression(() => 0.5);
  const stream = weightsOf({ jawOpen: 0.8, mouthPressLeft: 0.4 });
  for (let frame = 0; frame < 6; frame += 1) expression.update(frame / 60, 1 / 60, stream);
  assert.equal(expression.weights[INDEX.jawOpen], stream[INDEX.jawOpen]);
  expression.update(0.2, 0.1, undefined);
  assert.ok(expression.weights[INDEX.jawOpen] > 0);
  expression.update(0.3, 0.1, undefined);
  assert.equal(expression.weights[INDEX.jawOpen], 0);
});

test("a face of which the stream says nothing blinks and looks by itself", () => {
  const expression = new Expression(() => 0.7);
  let blinks = 0;
  let looked = 0;
  for (let time = 0; time < 12; time += 1 / 60) {
    expression.update(time, 1 / 60, undefined);
    blinks = Math.max(blinks, expression.weights[INDEX.eyeBlinkLeft]);
    looked = Math.max(looked, Math.abs(expression.weights[INDEX.eyeLookOutLeft]));
  }
  assert.ok(blinks > 0.9);
  assert.ok(looked > 0.005);
});

test("a stream that blinks is left to it", () => {
  const expression = new Expression(() => 0);
  let added = 0;
  for (let time = 0; time < 20; time += 1 / 60) {
    const blinking = time % 4 < 0.1;
    expression.update(time, 1 / 60, weightsOf({ eyeBlinkLeft: blinking ? 1 : 0 }));
    if (time > 1 && !blinking) added = Math.max(added, expression.weights[INDEX.eyeBlinkLeft]);
  }
  assert.equal(added, 0);
});

test("where motion is unwelcome the head keeps still", () => {
  const expression = new Expression();
  expression.still = true;
  for (let time = 0; time < 5; time += 0.1) expression.update(time, 0.1, undefined);
  const { pitch, yaw, roll, breath } = expression.pose;
  assert.deepEqual([pitch, yaw, roll, breath].map(Math.abs), [0, 0, 0, 0]);
});

test("lids go down and come back", () => {
  assert.equal(lidAt(0), 0);
  assert.equal(lidAt(0.4), 1);
  assert.equal(lidAt(1), 0);
  const weights = new Float32Array(SHAPES.length);
  look(weights, 0.5, -0.25);
  assert.deepEqual([weights[INDEX.eyeLookOutLeft], weights[INDEX.eyeLookInRight], weights[INDEX.eyeLookDownLeft]], [0.5, 0.5, 0.25]);
});

test("the whole head is above captions and the question, in every window", () => {
  const windows = [[1280, 800], [390, 844], [320, 568], [844, 390], [740, 360], [390, 330], [1920, 300]];
  for (const [width, height] of windows) {
    const { y, half } = framing(width, height);
    const down = (at: number): number => (height * (y + half - at)) / (2 * half);
    const [crown, chin] = [down(1.19), down(-0.9)];
    assert.ok(crown >= 0, `${width} x ${height}: the crown is ${crown}`);
    assert.ok(chin <= Math.max(height - 190, 0.36 * height) + 1e-9, `${width} x ${height}: the chin is ${chin}`);
    assert.ok(chin - crown > 0.3 * height || width < height, `${width} x ${height}: the head is small`);
  }
  assert.ok(Math.abs(framing(1280, 800).half - 1.72) < 1e-9);
});

test("a slow machine draws coarser, a fast one does not, a pinned one never", () => {
  const run = (quality: Quality, gap: number, frames: number): number => {
    let changes = 0;
    for (let frame = 1; frame <= frames; frame += 1) changes += quality.measure(frame * gap) ? 1 : 0;
    return changes;
  };
  assert.equal(run(new Quality(2), 16, 600), 0);
  assert.equal(run(new Quality(2), 500, 60), STEPS.length - 1);
  assert.equal(run(new Quality(2), 60, 600), STEPS.length - 2);
  assert.equal(run(new Quality(2), 3600000, 9), 0);
  assert.equal(run(new Quality(1, false, 0), 500, 60), 0);
  assert.equal(new Quality(1, true).step.plain, true);
  assert.equal(new Quality(1).step.ratio, 1);
  assert.equal(pinnedQuality("?quality=2"), 2);
  assert.equal(pinnedQuality("?quality=99"), undefined);
  assert.equal(pinnedQuality(""), undefined);
});
