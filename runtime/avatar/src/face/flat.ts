/** A drawn face for browsers without WebGL: the same weights, a dozen derived numbers. */

import { type Face, INDEX } from "./shapes.ts";

const NAMESPACE = "http://www.w3.org/2000/svg";
const SKIN = "#f2b48c";

/** What the drawing needs of the 52 weights. */
export interface FlatPose {
  /** Half the width of the mouth, its gap, and how round it is. */
  width: number;
  gap: number;
  round: number;
  /** Corners up (smile) or down. */
  curve: number;
  tongue: number;
  blinkLeft: number;
  blinkRight: number;
  gazeX: number;
  gazeY: number;
  browLeft: number;
  browRight: number;
}

/** Reduce the weights to what a drawing shows; closing the lips takes the jaw's gap away. */
export function flatPose(weights: Float32Array): FlatPose {
  const w = (name: string): number => weights[INDEX[name]];
  const both = (name: string): number => (w(`${name}Left`) + w(`${name}Right`)) / 2;
  const round = Math.min(1, w("mouthPucker") + 0.7 * w("mouthFunnel"));
  const lips = 0.35 * w("mouthFunnel") + 0.3 * (both("mouthLowerDown") + both("mouthUpperUp"));
  const open = Math.max(0, w("jawOpen") - w("mouthClose"));
  const pressed = Math.max(both("mouthPress"), w("mouthRollLower"));
  const brow = (side: string): number =>
    w(`browOuterUp${side}`) * 0.6 + w("browInnerUp") * 0.6 - w(`browDown${side}`);
  return {
    width: 46 * (1 + 0.28 * both("mouthSmile") + 0.2 * both("mouthStretch") - 0.5 * round),
    gap: Math.max(0, 62 * (open + lips) * (1 - 0.8 * pressed)),
    round,
    curve: 22 * (both("mouthSmile") - both("mouthFrown")),
    tongue: w("tongueOut"),
    blinkLeft: w("eyeBlinkLeft"),
    blinkRight: w("eyeBlinkRight"),
    gazeX: w("eyeLookOutLeft") - w("eyeLookInLeft"),
    gazeY: w("eyeLookUpLeft") - w("eyeLookDownLeft"),
    browLeft: brow("Left"),
    browRight: brow("Right"),
  };
}

/** Outline of the mouth around (200, 268). */
export function mouthPath(pose: FlatPose): string {
  const [left, right] = [200 - pose.width, 200 + pose.width];
  const corner = 268 - pose.curve;
  const upper = 268 - 0.3 * pose.gap;
  const lower = 268 + 0.9 * pose.gap + 0.4 * pose.curve;
  const reach = pose.width * (0.45 + 0.3 * pose.round);
  const curve = (y: number, from: number, to: number): string => `C${from} ${y} ${to} ${y}`;
  const top = `${curve(upper, left + reach, right - reach)} ${right} ${corner}`;
  return `M${left} ${corner} ${top} ${curve(lower, right - reach, left + reach)} ${left} ${corner}Z`;
}

export class FlatFace implements Face {
  private readonly parts = new Map<string, SVGElement>();
  private readonly root: SVGElement;

  constructor(parent: HTMLElement) {
    const svg = this.add("svg", parent, { viewBox: "0 0 400 460", preserveAspectRatio: "xMidYMid meet" });
    this.root = svg;
    this.add("path", svg, { d: "M60 200C40 20 360 20 340 200V250H60Z", fill: "#4a2f27" });
    this.add("path", svg, { d: "M160 330h80v90h-80Z", fill: "#e09f77" });
    this.add("path", svg, { d: "M152 396q48 22 96 0c58 6 96 34 108 64l10 300H34l10-300c12-30 50-58 108-64Z", fill: "#3b9a9c" });
    this.add("path", svg, { d: "M76 190C76 90 324 90 324 190C330 300 270 372 200 372S70 300 76 190Z", fill: SKIN });
    this.add("path", svg, { d: "M70 190C90 110 190 120 250 92C290 120 320 130 332 190C350 60 60 50 70 190Z", fill: "#4a2f27" });
    this.eye(svg, "Right", 142);
    this.eye(svg, "Left", 258);
    this.add("path", svg, { d: "M196 200q-14 30 4 34", fill: "none", stroke: "#cf8a66", "stroke-width": "5", "stroke-linecap": "round" });
    const mouth = { fill: "#7a2430", stroke: "#c9655c", "stroke-width": "9", "stroke-linejoin": "round" };
    this.parts.set("mouth", this.add("path", svg, mouth));
    this.parts.set("tongue", this.add("ellipse", svg, { cx: "200", rx: "22", ry: "16", fill: "#e8838a" }));
  }

  show(weights: Float32Array): void {
    const pose = flatPose(weights);
    this.set("mouth", { d: mouthPath(pose) });
    this.set("tongue", { cy: String(276 + 0.6 * pose.gap), opacity: String(pose.tongue) });
    for (const side of ["Left", "Right"] as const) {
      const lid = pose[`blink${side}`];
      this.set(`lid${side}`, { height: String(56 * lid) });
      this.set(`iris${side}`, { transform: `translate(${9 * pose.gazeX} ${-8 * pose.gazeY})` });
      this.set(`brow${side}`, { transform: `translate(0 ${-14 * pose[`brow${side}`]})` });
    }
  }

  /** Take the drawing away. */
  remove(): undefined {
    this.root.remove();
  }

  private eye(svg: SVGElement, side: string, x: number): void {
    this.add("ellipse", svg, { cx: String(x), cy: "196", rx: "27", ry: "25", fill: "#fffaf4" });
    const iris = this.add("g", svg, {});
    this.add("circle", iris, { cx: String(x), cy: "196", r: "14", fill: "#3d6f8e" });
    this.add("circle", iris, { cx: String(x), cy: "196", r: "7", fill: "#1a1c22" });
    this.add("circle", iris, { cx: String(x + 5), cy: "190", r: "4", fill: "#fff" });
    this.parts.set(`iris${side}`, iris);
    const lid = { x: String(x - 30), y: "168", width: "60", height: "0", rx: "24", fill: SKIN };
    this.parts.set(`lid${side}`, this.add("rect", svg, lid));
    const brow = { d: `M${x - 30} 156q30-16 60 0`, fill: "none", stroke: "#4a2f27", "stroke-width": "9", "stroke-linecap": "round" };
    this.parts.set(`brow${side}`, this.add("path", svg, brow));
  }

  private add(name: string, parent: Element, attributes: Record<string, string>): SVGElement {
    const made = document.createElementNS(NAMESPACE, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    parent.append(made);
    return made;
  }

  private set(part: string, attributes: Record<string, string>): void {
    for (const [key, value] of Object.entries(attributes)) this.parts.get(part)?.setAttribute(key, value);
  }
}
