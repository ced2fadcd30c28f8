import assert from "node:assert/strict";
import { test } from "node:test";
import { CaptionTrack } from "../src/playback/captions.ts";
import { FrameTrack } from "../src/playback/frames.ts";
import { Stats } from "../src/playback/stats.ts";
import { TurnGuard } from "../src/playback/turn-guard.ts";
import { caption } from "./support.ts";

test("faces between two frames are blended by the sample", () => {
  const track = new FrameTrack(2, 30, 30000);
  track.push(0, 2, Uint8Array.of(0, 255, 255, 0));
  const out = new Float32Array(2);
  assert.equal(track.at(0, out), 0);
  assert.deepEqual([...out], [0, 1]);
  assert.equal(track.at(250, out), 250);
  assert.deepEqual([...out], [0.25, 0.75]);
});

test("without later frames the last one stands, and says which sample it is of", () => {
  const track = new FrameTrack(1, 30, 22050);
  const out = new Float32Array(1);
  assert.equal(track.at(0, out), undefined);
  track.push(0, 1, Uint8Array.of(51));
  assert.equal(track.at(10000, out), 735);
  assert.ok(Math.abs(out[0] - 0.2) < 1e-6);
});

test("60 frames a second of 22050 samples, which is no whole number, keep to their samples", () => {
  const track = new FrameTrack(1, 60, 22050);
  assert.deepEqual([1, 2, 3].map((frame) => track.sampleOf(frame)), [368, 735, 1103]);
});

test("a long turn does not keep its old frames", () => {
  const track = new FrameTrack(1, 30, 300);
  const out = new Float32Array(1);
  for (let frame = 0; frame < 3000; frame += 1) {
    track.push(frame, 1, Uint8Array.of(frame % 256));
    track.at(frame * 10, out);
  }
  assert.equal(track.at(0, out), undefined);
  assert.equal(track.at(29990, out), 29990);
});

test("words are lit when they begin to sound", () => {
  const track = new CaptionTrack();
  track.push(caption("Hello, you there.", [[0, 5, 0, 900], [7, 10, 1000, 1900], [11, 16, 2000, 2900]]));
  assert.deepEqual(track.pieces(1500), [
    { text: "Hello, ", heard: true },
    { text: "you ", heard: true },
    { text: "there.", heard: false },
  ]);
  assert.equal(track.pieces(0).map((piece) => piece.text).join(""), "Hello, you there.");
});

test("an answer that breaks off is seen to, in its last line only", () => {
  const track = new CaptionTrack();
  track.push(caption("One. Two and", [[0, 4, 0, 900], [5, 8, 1000, 1900], [9, 12, 2000, 2900]]));
  const shown = (sample: number): string => track.pieces(sample).map((piece) => piece.text).join("");
  assert.equal(shown(1500), "Two and");
  track.breakOff();
  assert.deepEqual([shown(500), shown(1500)], ["One. ", "Two and…"]);
  track.clear();
  assert.deepEqual(track.pieces(0), []);
  track.push(caption("Whole.", [[0, 6, 0, 900]]));
  assert.equal(shown(0), "Whole.");
});

test("sentences and long clauses are shown in lines", () => {
  const words = Array.from({ length: 30 }, (_, index): [number, number, number, number] => [6 * index, 6 * index + 5, 100 * index, 100 * index + 90]);
  const track = new CaptionTrack();
  track.push(caption("abcde ".repeat(30), words));
  const first = track.pieces(0).map((piece) => piece.text).join("");
  assert.ok(first.length <= 70 && first.startsWith("abcde"));
  assert.equal(track.pieces(2900).at(-1)?.heard, true);
  track.clear();
  track.push(caption("One. Two.", [[0, 3, 0, 90], [5, 8, 100, 190]]));
  assert.deepEqual(track.pieces(150), [{ text: "Two.", heard: true }]);
});

test("words without times are spread over the sound of their clause", () => {
  const track = new CaptionTrack();
  track.push({ ...caption("No times", [], 500), lastSample: 1500 });
  assert.deepEqual(track.pieces(0), [{ text: "No ", heard: false }, { text: "times", heard: false }]);
  assert.deepEqual(track.pieces(999).map((piece) => piece.heard), [true, false]);
  assert.equal(track.text, "No times");
});

test("a clause that is captioned again with more words replaces itself", () => {
  const track = new CaptionTrack();
  track.push({ ...caption("Hello! I am Ada:", [[0, 6, 0, 900]]), lastSample: 4000 });
  assert.deepEqual(track.pieces(0), [{ text: "Hello! ", heard: true }]);
  track.push({ ...caption("Hello! I am Ada:", [[0, 6, 0, 900], [7, 8, 1700, 2000], [9, 11, 2000, 2800], [12, 16, 3100, 3900]]), lastSample: 4000 });
  assert.equal(track.text, "Hello! I am Ada:");
  assert.deepEqual(track.pieces(2100).map((piece) => piece.heard), [true, true, false]);
});

test("only the newest turn sounds, and none that was silenced", () => {
  const guard = new TurnGuard();
  assert.equal(guard.plays(0), false);
  assert.equal(guard.begin(1), true);
  assert.equal(guard.plays(1), true);
  guard.silence();
  assert.equal(guard.plays(1), false);
  assert.equal(guard.begin(1), false);
});

test("between a question and its turn nothing sounds, not even another turn", () => {
  const guard = new TurnGuard();
  const first = guard.ask();
  const second = guard.ask();
  assert.equal(guard.begin(1, first), false);
  assert.equal(guard.plays(1), false);
  assert.equal(guard.begin(2, second), true);
  assert.equal(guard.plays(2), true);
});

test("another session counts anew", () => {
  const guard = new TurnGuard();
  guard.begin(9);
  guard.restart();
  assert.equal(guard.begin(1), true);
});

test("figures are those of the newest frames", () => {
  const stats = new Stats();
  assert.equal(stats.skewP95, undefined);
  for (let index = 0; index < 1000; index += 1) stats.apply(index, index < 990 ? -2 : 40);
  assert.equal(stats.skewMs.length, 600);
  assert.equal(stats.skewP95, 2);
  for (let now = 0; now <= 2000; now += 20) stats.draw(now);
  assert.equal(stats.fps, 51);
  stats.ask(100);
  stats.hear(350);
  stats.hear(900);
  assert.equal(stats.firstAudioMs, 250);
});
