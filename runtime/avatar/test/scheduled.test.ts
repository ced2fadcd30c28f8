/** The clock of plain http: sound that the page itself hands over in time, or not. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Loudspeaker, chances, numbered, scheduled } from "./sound.ts";

const PACKET = 2205;
const FRAME = 1 / 60;

/** What sounds at each of many moments is one sample at most. */
function assertNeverTwice(speaker: Loudspeaker): void {
  for (let time = 0; time < speaker.now + 1; time += 0.0005) {
    assert.ok(speaker.at(time).length <= 1, `${speaker.at(time)} sound together at ${time}`);
  }
}

/** Every sample sounded, once and in order. */
function assertWhole(speaker: Loudspeaker, count: number): void {
  const heard = speaker.sounds.flatMap(({ samples }) => samples);
  assert.equal(heard.length, count);
  assert.ok(heard.every((sample, index) => sample === index));
}

test("a page that was busy while its sound ran out does not go back to where the sound is", () => {
  const { clock, speaker, tick } = scheduled();
  clock.push(numbered(0, 20000));
  const handed = speaker.sounds.flatMap(({ samples }) => samples).length;
  speaker.now = 0.5;
  const drawn = clock.heard();
  assert.equal(drawn, handed, "a picture shows what never sounded");
  tick();
  assert.equal(clock.heard(), drawn);
  const next = speaker.sounds.at(-1)?.to ?? 0;
  speaker.now = next - 0.01;
  assert.ok(clock.heard() > drawn);
});

test("a page that comes too late counts that sound stood, once", () => {
  const { clock, speaker, tick } = scheduled();
  clock.push(numbered(0, 20000));
  speaker.now = 0.5;
  tick();
  tick();
  assert.equal(clock.report().underruns, 1);
  assertNeverTwice(speaker);
});

test("sound that runs out counts once, and starts again when enough waits", () => {
  const { clock, speaker, tick } = scheduled();
  clock.push(numbered(0, 3000));
  for (speaker.now = 0; speaker.now < 0.4; speaker.now += 0.025) tick();
  assert.equal(clock.heard(), 3000);
  assert.deepEqual(clock.report(), { buffered: 0, underruns: 1, drained: false });
  clock.push(numbered(3000, 1000));
  speaker.now += 0.1;
  tick();
  assert.equal(clock.heard(), 3000);
  clock.push(numbered(4000, 2000));
  speaker.now += 0.1;
  assert.ok(clock.heard() > 3000);
  assert.equal(clock.report().underruns, 1);
});

test("sound that comes before the last is heard goes on without a gap, and counts nothing", () => {
  const { clock, speaker, tick } = scheduled();
  clock.push(numbered(0, PACKET));
  for (let packet = 1; packet < 12; packet += 1) {
    clock.push(numbered(packet * PACKET, PACKET));
    for (let step = 0; step < 4; step += 1) {
      speaker.now += 0.025;
      tick();
    }
  }
  clock.finish();
  const { sounds } = speaker;
  sounds.slice(1).forEach(({ from }, index) => assert.ok(Math.abs(from - sounds[index].to) < 1e-6));
  assertWhole(speaker, 12 * PACKET);
  assert.equal(clock.report().underruns, 0);
});

test("the end of a turn is no underrun", () => {
  const { clock, speaker, tick } = scheduled();
  clock.push(numbered(0, 5000));
  clock.finish();
  for (let step = 0; step < 20; step += 1) {
    speaker.now += 0.025;
    tick();
  }
  assert.deepEqual(clock.report(), { buffered: 0, underruns: 0, drained: true });
  assert.equal(clock.heard(), 5000);
});

test("a page that is held up while it hands sound over lets no two stretches sound together", () => {
  const { clock, speaker, tick } = scheduled();
  clock.push(numbered(0, 15000));
  assertNeverTwice(speaker);
  speaker.now += 0.5;
  speaker.held = 0.04;
  tick();
  for (let step = 0; step < 20; step += 1) {
    speaker.now += 0.025;
    tick();
  }
  assertNeverTwice(speaker);
});

test("what the browser thinks of its loudspeaker may go back, what is heard may not", () => {
  const { clock, speaker } = scheduled();
  clock.push(numbered(0, 20000));
  speaker.now = 0.15;
  speaker.stamp = { contextTime: 0.14, performanceTime: performance.now() };
  const drawn = clock.heard();
  assert.ok(drawn > 2000);
  speaker.stamp = { contextTime: 0.1, performanceTime: performance.now() };
  assert.equal(clock.heard(), drawn);
  clock.reset();
  assert.equal(clock.heard(), 0);
});

for (const seed of [1, 2, 3, 4, 5]) {
  test(`on a loaded machine faces keep to what sounds, and no sample is lost (${seed})`, () => {
    const { clock, speaker, tick } = scheduled();
    const chance = chances(seed);
    const total = 14 * PACKET;
    let sent = 0;
    let before = 0;
    for (let frame = 0; frame < 1500; frame += 1) {
      speaker.now += chance() < 0.1 ? 0.3 * chance() : FRAME;
      const sample = clock.heard();
      assert.ok(sample >= before, `${sample} after ${before}`);
      before = sample;
      const [sounds] = speaker.at(speaker.now);
      if (sounds !== undefined) assert.ok(Math.abs(sounds - sample) < 1.5, `${sample} is drawn, ${sounds} sounds`);
      if (chance() < 0.5) tick();
      if (sent < total && chance() < 0.15) {
        clock.push(numbered(sent, PACKET));
        sent += PACKET;
        if (sent === total) clock.finish();
      }
    }
    assert.equal(clock.heard(), total);
    assertNeverTwice(speaker);
    assertWhole(speaker, total);
  });
}
