/** The binary layout of sound and faces: little-endian, 32 bytes of header. */

const HEADER = 32;
const LAYOUT = 1;
const MEDIA = 1;

export interface Media {
  turn: number;
  firstSample: number;
  /** Mono PCM. */
  samples: Int16Array;
  firstFrame: number;
  frames: number;
  shapes: number;
  /** Weights times 255: a row of `shapes` bytes for each frame. */
  weights: Uint8Array;
}

/** Take a media frame apart; throws a sentence when it is not one, or of other length than said. */
export function decodeMedia(buffer: ArrayBuffer, expectedShapes: number): Media {
  if (buffer.byteLength < HEADER) throw new Error("A media frame is shorter than its header.");
  const view = new DataView(buffer);
  if (view.getUint8(0) !== LAYOUT || view.getUint8(1) !== MEDIA) {
    throw new Error("A media frame has a layout that this page does not know: reload the page.");
  }
  const shapes = view.getUint16(2, true);
  const count = view.getUint32(16, true);
  const frames = view.getUint32(24, true);
  if (shapes !== expectedShapes) throw new Error("A media frame has another number of shapes.");
  if (buffer.byteLength !== HEADER + 2 * count + frames * shapes) {
    throw new Error("A media frame is not as long as its header says.");
  }
  return {
    turn: view.getUint32(4, true),
    firstSample: Number(view.getBigUint64(8, true)),
    samples: new Int16Array(buffer, HEADER, count),
    firstFrame: view.getUint32(20, true),
    frames,
    shapes,
    weights: new Uint8Array(buffer, HEADER + 2 * count, frames * shapes),
  };
}
