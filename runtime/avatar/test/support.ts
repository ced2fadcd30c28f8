/** What several tests build. */

import type { Caption } from "../src/protocol/messages.ts";

/** Bytes of a media frame as the protocol lays it out. */
export function mediaBytes(options: {
  turn?: number;
  firstSample?: number;
  samples: number[];
  firstFrame?: number;
  rows: number[][];
  shapes?: number;
}): ArrayBuffer {
  const { turn = 1, firstSample = 0, samples, firstFrame = 0, rows } = options;
  const shapes = options.shapes ?? rows[0]?.length ?? 0;
  const buffer = new ArrayBuffer(32 + 2 * samples.length + rows.length * shapes);
  const view = new DataView(buffer);
  view.setUint8(0, 1);
  view.setUint8(1, 1);
  view.setUint16(2, shapes, true);
  view.setUint32(4, turn, true);
  view.setBigUint64(8, BigInt(firstSample), true);
  view.setUint32(16, samples.length, true);
  view.setUint32(20, firstFrame, true);
  view.setUint32(24, rows.length, true);
  samples.forEach((sample, index) => view.setInt16(32 + 2 * index, sample, true));
  new Uint8Array(buffer, 32 + 2 * samples.length).set(rows.flat());
  return buffer;
}

/** A GLB file of nothing but its JSON. */
export function glb(document: object): ArrayBuffer {
  const text = new TextEncoder().encode(JSON.stringify({ asset: { version: "2.0" }, ...document }));
  const length = Math.ceil(text.length / 4) * 4;
  const buffer = new ArrayBuffer(20 + length);
  new Uint8Array(buffer, 20).fill(0x20).set(text);
  const view = new DataView(buffer);
  [0x46546c67, 2, buffer.byteLength, length, 0x4e4f534a].forEach((word, at) => view.setUint32(4 * at, word, true));
  return buffer;
}

export function caption(text: string, words: Caption["words"], firstSample = 0): Caption {
  const lastSample = words.at(-1)?.[3] ?? firstSample;
  return { type: "caption", turn: 1, text, firstSample, lastSample, words };
}
