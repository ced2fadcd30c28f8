import assert from "node:assert/strict";
import { test } from "node:test";
import { afterClose, backoff, survives } from "../src/protocol/closing.ts";
import { decodeMedia } from "../src/protocol/media.ts";
import { type End, lacking, parse } from "../src/protocol/messages.ts";
import { mediaBytes } from "./support.ts";

test("a media frame is taken apart as the protocol lays it out", () => {
  const bytes = mediaBytes({ turn: 7, firstSample: 2 ** 33, samples: [1, -2, 32767], firstFrame: 5, rows: [[0, 255], [128, 1]] });
  const media = decodeMedia(bytes, 2);
  assert.equal(media.turn, 7);
  assert.equal(media.firstSample, 2 ** 33);
  assert.deepEqual([...media.samples], [1, -2, 32767]);
  assert.equal(media.firstFrame, 5);
  assert.equal(media.frames, 2);
  assert.deepEqual([...media.weights], [0, 255, 128, 1]);
});

test("sound without faces and faces without sound are frames too", () => {
  assert.equal(decodeMedia(mediaBytes({ samples: [1], rows: [], shapes: 52 }), 52).frames, 0);
  assert.equal(decodeMedia(mediaBytes({ samples: [], rows: [[9]] }), 1).samples.length, 0);
});

test("a media frame that is not what it says is refused with a sentence", () => {
  const good = mediaBytes({ samples: [1, 2], rows: [[1, 2]] });
  assert.throws(() => decodeMedia(good.slice(0, 20), 2), /shorter than its header/);
  assert.throws(() => decodeMedia(good.slice(0, -1), 2), /not as long/);
  assert.throws(() => decodeMedia(good, 52), /number of shapes/);
  const other = good.slice(0);
  new DataView(other).setUint8(0, 2);
  assert.throws(() => decodeMedia(other, 2), /layout/);
});

test("messages are read, unknown types are ignored, broken ones name the field", () => {
  assert.deepEqual(parse('{"type":"turn","turn":3,"question":"Hi","more":1}'), { type: "turn", turn: 3, question: "Hi", more: 1 });
  assert.equal(parse('{"type":"weather"}'), undefined);
  assert.throws(() => parse('{"type":"turn","turn":"3","question":"Hi"}'), /turn has no valid turn/);
  assert.throws(() => parse('{"type":"caption","turn":1,"text":"a","firstSample":0,"lastSample":1,"words":[[0,1]]}'), /words/);
  assert.throws(() => parse("[]"), /no type/);
  assert.throws(() => parse("{"), SyntaxError);
});

test("an answer that is not whole says why; ends of other servers mean nothing more", () => {
  const end: End = { type: "end", turn: 1, reason: "complete", samples: 9, heard: "Hi" };
  assert.equal(lacking(end), undefined);
  assert.equal(lacking({ ...end, finishReason: "length" }), "cut at its longest");
  assert.equal(lacking({ ...end, finishReason: "content_filter" }), "cut by a filter");
  assert.equal(lacking({ ...end, finishReason: "tired" }), undefined);
  assert.equal(lacking({ ...end, reason: "interrupted", finishReason: "length" }), "interrupted");
  assert.equal(lacking({ ...end, reason: "failed" }), "interrupted");
});

const lost = { attempt: 0, resumable: true, resumed: true, jitter: 0.5 };

test("each close code has its consequence", () => {
  assert.equal(afterClose({ ...lost, code: 1000 }).kind, "ended");
  assert.deepEqual(afterClose({ ...lost, code: 1012 }), { kind: "resume", wait: 0 });
  assert.equal(afterClose({ ...lost, code: 1006 }).kind, "resume");
  assert.equal(afterClose({ ...lost, code: 1006, resumable: false }).kind, "renew");
  for (const code of [4000, 4001, 4002]) assert.equal(afterClose({ ...lost, code }).kind, "stop");
  assert.deepEqual(afterClose({ ...lost, code: 4003 }), { kind: "renew", wait: 0 });
});

test("a server that is back and knows the session no more is asked for a new one at once", () => {
  const back = { ...lost, code: 4003, attempt: 5 };
  assert.deepEqual(afterClose(back), { kind: "renew", wait: 0 });
  const refused = afterClose({ ...back, resumed: false });
  assert.ok("wait" in refused && refused.wait > 1);
});

test("a session outlives a fault of the server and a lost line, also in memory", () => {
  assert.deepEqual([1006, 1011, 1012].map((code) => survives(code, false)), [true, true, false]);
  assert.ok(survives(1012, true));
});

test("a server without room is given the time that it asks for", () => {
  const next = afterClose({ ...lost, code: 1013, retryAfter: 7 });
  assert.ok("wait" in next && next.wait === 7);
});

test("waits grow to ten seconds and are spread", () => {
  assert.ok(backoff(0, 1) < backoff(1, 1) && backoff(1, 1) < backoff(3, 1));
  assert.equal(backoff(50, 1), 10);
  assert.equal(backoff(50, 0), 5);
});
