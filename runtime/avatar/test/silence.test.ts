import assert from "node:assert/strict";
import { test } from "node:test";
import { Silence } from "../src/protocol/silence.ts";

/** What is to be done in each second of a silence, up to the first that is not "wait". */
function until(silence: Silence, from: number): [second: number, next: string] {
  for (let second = from + 1; second < from + 60; second++) {
    const next = silence.pass(second * 1000);
    if (next !== "wait") return [second - from, next];
  }
  return [60, "wait"];
}

test("a server that says nothing is asked once, and left when it does not answer", () => {
  const silence = new Silence(0);
  assert.deepEqual(until(silence, 0), [5, "ask"]);
  assert.deepEqual(until(silence, 5), [10, "leave"]);
});

test("whatever comes ends the silence", () => {
  const silence = new Silence(0);
  assert.deepEqual(until(silence, 0), [5, "ask"]);
  silence.end();
  assert.deepEqual(until(silence, 5), [5, "ask"]);
  assert.deepEqual(until(silence, 10), [10, "leave"]);
});

test("a page that slept for an hour asks before it leaves", () => {
  const silence = new Silence(0);
  assert.equal(silence.pass(3_600_000), "wait");
  assert.deepEqual(until(silence, 3600), [3, "ask"]);
});
