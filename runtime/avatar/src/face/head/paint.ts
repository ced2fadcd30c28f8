/** The colours of the skin, mixed point by point. */

import { Color } from "three";
import { EYE, MOUTH, type Vec, bell, smoothstep } from "./measures.ts";
import { edgesAt, toEye } from "./lids.ts";
import type { Point } from "./net.ts";

export const PALETTE = {
  skin: new Color("#e2b59b"),
  light: new Color("#edcab4"),
  blush: new Color("#d68b7d"),
  shade: new Color("#b06a50"),
  lips: new Color("#b9685f"),
  lipLine: new Color("#8c3f3f"),
  mouth: new Color("#5d1c22"),
  throat: new Color("#21090d"),
  hair: new Color("#5a3626"),
  brow: new Color("#5b3a2b"),
  lash: new Color("#2a1a17"),
  shirt: new Color("#2f7f86"),
} as const;

/** Colour of a point of the skin. */
export function paint(point: Point): Color {
  if (point.inside) return interior(point.inside);
  const p: Vec = [Math.abs(point.at[0]), point.at[1], point.at[2]];
  const colour = PALETTE.skin.clone();
  colour.lerp(PALETTE.light, 0.6 * bell(p, [0, 0.55, 0.6], 0.4));
  colour.lerp(PALETTE.blush, 0.55 * bell(p, [0.42, -0.19, 0.5], 0.2));
  colour.lerp(PALETTE.blush, 0.4 * bell(p, [0.03, -0.18, 0.88], 0.11));
  colour.lerp(PALETTE.blush, 0.25 * bell(p, [0, -0.75, 0.58], 0.13));
  colour.lerp(PALETTE.lipLine, 0.75 * bell(p, [0.052, -0.262, 0.775], 0.028));
  shades(colour, p);
  lids(colour, p);
  lips(colour, point);
  return colour;
}

/** Where little light comes to, painted: beside the nose, under it, below the lip, under the jaw. */
function shades(colour: Color, p: Vec): void {
  colour.lerp(PALETTE.shade, 0.34 * bell(p, [0.15, -0.02, 0.64], 0.13));
  colour.lerp(PALETTE.shade, 0.3 * bell(p, [0.13, 0.16, 0.62], 0.1));
  colour.lerp(PALETTE.shade, 0.42 * bell(p, [0, -0.3, 0.76], 0.085));
  colour.lerp(PALETTE.shade, 0.34 * bell(p, [0.15, -0.22, 0.7], 0.06));
  colour.lerp(PALETTE.shade, 0.3 * bell([p[0] * 0.6, p[1], p[2]], [0, -0.605, 0.68], 0.07));
  colour.lerp(PALETTE.shade, 0.3 * bell(p, [MOUTH.halfWidth + 0.05, MOUTH.y, 0.6], 0.07));
  colour.lerp(PALETTE.shade, 0.55 * smoothstep(-0.78, -1.0, p[1] - 0.15 * p[2]));
  colour.lerp(PALETTE.shade, 0.42 * smoothstep(0.52, 0.8, p[1] + 0.32 * p[0]));
}

function interior(inside: number): Color {
  const colour = PALETTE.lips.clone().lerp(PALETTE.mouth, smoothstep(0, 0.35, inside));
  return colour.lerp(PALETTE.throat, smoothstep(0.3, 0.75, inside));
}

function lids(colour: Color, p: Vec): void {
  const at = toEye(p);
  if (at.r > 0.36 || Math.abs(at.az) > 1.4) return;
  const { top, bottom } = edgesAt(at.az);
  const near = 1 - smoothstep(EYE.radius * 1.15, EYE.radius * 1.5, at.r);
  const above = at.el > top ? 1 - smoothstep(0, 0.5, at.el - top) : 0;
  const below = at.el < bottom ? 1 - smoothstep(0, 0.3, bottom - at.el) : 0;
  colour.lerp(PALETTE.blush, near * (0.5 * above + 0.35 * below));
}

function lips(colour: Color, { at, q }: Point): void {
  if (q > 2) return;
  const corner = smoothstep(1, 0.86, Math.abs(at[0]) / (MOUTH.halfWidth + 0.03));
  const red = (1 - smoothstep(0.9, 1.12, q)) * (0.25 + 0.75 * corner);
  colour.lerp(PALETTE.lips, red);
  colour.lerp(PALETTE.lipLine, 0.75 * (1 - smoothstep(0, 0.22, q)));
}
