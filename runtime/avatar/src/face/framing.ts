/** Where the camera looks, so that the whole head is seen above captions and the question. */

export interface Framing {
  /** Height in the scene of the middle of the picture. */
  y: number;
  /** What is seen above and below it. */
  half: number;
}

/** What must be seen: half the height and half the width around the head. */
const FRAME = { halfHeight: 1.72, halfWidth: 0.98 };
/** The chin, and where it is in a picture that is high enough: captions and the question are below. */
const CHIN = { y: -0.9, place: 0.63 };
/** Pixels that these take; the head is smaller where a window has few more. */
const COVERED = 190;
const LEAST_PLACE = 0.35;

/** For a picture of so many pixels of the page. */
export function framing(width: number, height: number): Framing {
  const place = Math.min(CHIN.place, Math.max(LEAST_PLACE, 1 - COVERED / height));
  const half = Math.max((FRAME.halfHeight * CHIN.place) / place, (FRAME.halfWidth * height) / width);
  return { y: CHIN.y + (2 * place - 1) * half, half };
}
