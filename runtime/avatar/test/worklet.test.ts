/** The clock of the audio thread, whose letters a busy page reads late. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { chances, numbered } from "./sound.ts";
import { Threaded, letters } from "./thread.ts";
import { WorkletClock } from "../src/audio/worklet-clock.ts";
import "../src/audio/worklet-processor.ts";

const PACKET = 2205;

/** A clock at such a loudspeaker; `read` lets the page read what the audio thread has told. */
async function threaded(): Promise<{ clock: WorkletClock; speaker: Threaded; read: () => void }> {
  const speaker = new Threaded();
  const clock = await WorkletClock.create(speaker as unknown as AudioContext, "worklet.js");
  return { clock, speaker, read: letters };
}

test("a page that reads late that sound ran out does not go back to where the sound is", async () => {
  const { clock, speaker, read } = await threaded();
  clock.push(numbered(1, 3000));
  speaker.run(0.05);
  read();
  speaker.run(0.4);
  const drawn = clock.heard();
  assert.ok(drawn <= 3000, `${drawn} is drawn, 3000 sounded`);
  read();
  assert.equal(clock.heard(), 3000);
  assert.deepEqual(clock.report(), { buffered: 0, underruns: 1, drained: false });
});

for (const seed of [1, 2, 3]) {
  test(`on a loaded machine faces never run ahead of what sounds, nor back (${seed})`, async () => {
    const { clock, speaker, read } = await threaded();
    const chance = chances(seed);
    const total = 14 * PACKET;
    let sent = 0;
    let before = 0;
    for (let frame = 0; frame < 800; frame += 1) {
      speaker.run(chance() < 0.1 ? 0.3 * chance() : 0.015);
      const sample = clock.heard();
      const sounded = speaker.sounds.reduce((last, { samples }) => Math.max(last, ...samples), 0);
      assert.ok(sample >= before, `${sample} after ${before}`);
      assert.ok(sample <= sounded + 1, `${sample} is drawn, ${sounded} sounded`);
      before = sample;
      if (chance() < 0.5) read();
      if (sent < total && chance() < 0.15) {
        clock.push(numbered(sent + 1, PACKET));
        sent += PACKET;
        if (sent === total) clock.finish();
      }
    }
    read();
    assert.equal(clock.heard(), total);
  });
}
