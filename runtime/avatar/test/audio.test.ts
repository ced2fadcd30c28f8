import assert from "node:assert/strict";
import { test } from "node:test";
import { JitterBuffer, toFloat } from "../src/audio/jitter.ts";
import { Timeline } from "../src/audio/timeline.ts";

const tone = (length: number, value = 0.5): Float32Array => new Float32Array(length).fill(value);

/** Pull a block and say how much of it was sound. */
function pull(buffer: JitterBuffer, length = 128): { taken: number; block: Float32Array } {
  const block = new Float32Array(length).fill(9);
  return { taken: buffer.pull(block), block };
}

test("sound starts when enough waits, not before", () => {
  const buffer = new JitterBuffer(300);
  buffer.push(tone(299));
  assert.equal(pull(buffer).taken, 0);
  buffer.push(tone(1));
  assert.equal(pull(buffer).taken, 128);
  assert.equal(buffer.played, 128);
  assert.equal(buffer.buffered, 172);
});

test("a short answer is played although less than the start waits", () => {
  const buffer = new JitterBuffer(300);
  buffer.push(tone(100));
  buffer.finish();
  const { taken, block } = pull(buffer);
  assert.equal(taken, 100);
  assert.deepEqual([block[99], block[100], block[127]], [0.5, 0, 0]);
  assert.equal(buffer.drained, true);
  assert.equal(buffer.underruns, 0);
});

test("an underrun is counted once, stands still, and waits for the start again", () => {
  const buffer = new JitterBuffer(200);
  buffer.push(tone(256));
  pull(buffer);
  pull(buffer);
  assert.equal(buffer.underruns, 0);
  assert.equal(pull(buffer).taken, 0);
  assert.equal(pull(buffer).taken, 0);
  assert.equal(buffer.underruns, 1);
  buffer.push(tone(150));
  assert.equal(pull(buffer).taken, 0);
  assert.equal(buffer.played, 256);
  buffer.push(tone(50));
  assert.equal(pull(buffer).taken, 128);
});

test("chunks of any size come out in order", () => {
  const buffer = new JitterBuffer(1);
  for (const length of [1, 3, 200, 7]) buffer.push(Float32Array.from({ length }, (_, i) => length + i / 1000));
  const { block } = pull(buffer, 211);
  assert.deepEqual([block[0], block[1], block[4], block[204]], [1, 3, 200, 7].map(Math.fround));
});

test("clearing fades out within four milliseconds and forgets everything", () => {
  const buffer = new JitterBuffer(1);
  buffer.push(tone(1000));
  pull(buffer);
  buffer.clear();
  const { taken, block } = pull(buffer);
  assert.equal(taken, 0);
  assert.ok(block[0] > 0.45 && block[50] < block[0] && block[96] === 0);
  assert.deepEqual([buffer.played, buffer.buffered, buffer.playing], [0, 0, false]);
});

test("PCM becomes floats", () => {
  assert.deepEqual([...toFloat(Int16Array.of(0, 16384, -32768))], [0, 0.5, -1]);
});

test("the timeline runs with the clock and stands while sound stands", () => {
  const timeline = new Timeline(1000);
  assert.equal(timeline.sampleAt(1), 0);
  timeline.run(10, 0, 700);
  assert.equal(timeline.sampleAt(9), 0);
  assert.equal(timeline.sampleAt(10.25), 250);
  timeline.stop(10.5, 500);
  assert.equal(timeline.sampleAt(11), 500);
  timeline.run(12, 500, 900);
  assert.equal(Math.round(timeline.sampleAt(12.1)), 600);
  assert.equal(timeline.sampleAt(11), 500);
});

test("the timeline never runs past what surely sounds, nor past what was handed over next", () => {
  const timeline = new Timeline(1000);
  timeline.run(10, 0, 400);
  assert.equal(timeline.sampleAt(11), 400);
  timeline.run(10.2, 150, 400);
  assert.equal(timeline.sampleAt(10.19), 150);
});

test("what was heard of a turn is heard, also when the estimate of the time goes back", () => {
  const timeline = new Timeline(1000);
  timeline.run(10, 0, 1000);
  assert.equal(timeline.heard(10.5), 500);
  assert.equal(timeline.heard(10.25), 500);
  assert.equal(timeline.heard(10.75), 750);
  timeline.clear();
  timeline.run(20, 0, 1000);
  assert.equal(timeline.heard(20.25), 250);
});

test("many marks do not pile up", () => {
  const timeline = new Timeline(1000);
  for (let index = 0; index < 5000; index += 1) timeline.run(index, index * 1000, (index + 1) * 1000);
  assert.equal(timeline.sampleAt(4999.5), 4999500);
});
