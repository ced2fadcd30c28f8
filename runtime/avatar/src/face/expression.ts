/** What the face does: the stream while something is said, and life of its own besides. */

import { INDEX, type Pose, SHAPES } from "./shapes.ts";

const RISE_SECONDS = 0.05;
const FALL_SECONDS = 0.18;
const BLINK_SECONDS = 0.24;
/** A stream that has not blinked for so long does not blink: we do. */
const BLINK_TRUST_SECONDS = 6;
const REST_SMILE = 0.22;
const LIPS = ["mouthPucker", "mouthFunnel", "mouthPressLeft", "mouthRollLower"].map((n) => INDEX[n]);
const SMILES = ["mouthSmileLeft", "mouthSmileRight"].map((n) => INDEX[n]);
const BLINKS = ["eyeBlinkLeft", "eyeBlinkRight"].map((n) => INDEX[n]);
const GAZE = SHAPES.flatMap((name, index) => (name.startsWith("eyeLook") ? [index] : []));

export class Expression {
  readonly weights = new Float32Array(SHAPES.length);
  readonly pose: Pose = { pitch: 0, yaw: 0, roll: 0, breath: 0 };
  /** The reader prefers that nothing moves without a reason. */
  still = false;
  private readonly held = new Float32Array(SHAPES.length);
  private presence = 0;
  private blinkAt = 2;
  private streamBlinked = -1e9;
  private gazeAt = 0;
  private gaze = { x: 0, y: 0, towardsX: 0, towardsY: 0 };
  private energy = 0;

  /** `random`: numbers 0..1, for blinks and glances. */
  constructor(private readonly random: () => number = Math.random) {}

  /** Move on to `time` (seconds), `passed` seconds later; `stream` holds weights while something is said. */
  update(time: number, passed: number, stream: Float32Array | undefined): void {
    if (stream) this.held.set(stream);
    const step = stream ? passed / RISE_SECONDS : -passed / FALL_SECONDS;
    this.presence = Math.min(1, Math.max(0, this.presence + step));
    const share = this.presence * this.presence * (3 - 2 * this.presence);
    for (let index = 0; index < SHAPES.length; index += 1) this.weights[index] = this.held[index] * share;
    this.smile();
    this.blink(time, stream);
    this.glance(time, passed);
    this.sway(time, passed);
  }

  private smile(): void {
    let busy = 0;
    for (const index of LIPS) busy += this.weights[index];
    const smile = REST_SMILE * Math.max(0, 1 - 1.5 * busy);
    for (const index of SMILES) this.weights[index] = Math.max(this.weights[index], smile);
  }

  private blink(time: number, stream: Float32Array | undefined): void {
    if (stream && BLINKS.some((index) => stream[index] > 0.3)) this.streamBlinked = time;
    if (time > this.blinkAt + BLINK_SECONDS) this.blinkAt = time + 2 + 4 * this.random();
    if (stream && time - this.streamBlinked < BLINK_TRUST_SECONDS) return;
    const lid = lidAt((time - this.blinkAt) / BLINK_SECONDS);
    for (const index of BLINKS) this.weights[index] = Math.max(this.weights[index], lid);
  }

  private glance(time: number, passed: number): void {
    if (GAZE.some((index) => this.weights[index] > 0.02)) return;
    const { gaze } = this;
    if (time > this.gazeAt) {
      this.gazeAt = time + 0.5 + 2.2 * this.random();
      const away = this.random() < 0.3 && !this.still ? 1 : 0.25;
      gaze.towardsX = (this.random() - 0.5) * 0.3 * away;
      gaze.towardsY = (this.random() - 0.55) * 0.2 * away;
    }
    const share = 1 - Math.exp(-passed / 0.03);
    gaze.x += (gaze.towardsX - gaze.x) * share;
    gaze.y += (gaze.towardsY - gaze.y) * share;
    look(this.weights, gaze.x, gaze.y);
  }

  private sway(time: number, passed: number): void {
    const jaw = this.weights[INDEX.jawOpen];
    this.energy += (jaw * this.presence - this.energy) * (1 - Math.exp(-passed / 0.25));
    const amount = this.still ? 0 : 1;
    const lively = amount * (1 + 1.6 * this.presence);
    this.pose.yaw = 0.026 * lively * wander(time, 0.21, 1) + this.gaze.x * 0.16 * amount;
    this.pose.pitch = 0.014 * lively * wander(time, 0.27, 5) + 0.09 * this.energy * amount;
    this.pose.roll = 0.014 * lively * wander(time, 0.17, 9);
    this.pose.breath = amount * Math.sin(time * 1.55);
  }
}

/** How far the lids are down at a share of a blink: quick down, slower up. */
export function lidAt(share: number): number {
  if (share <= 0 || share >= 1) return 0;
  const lid = share < 0.35 ? share / 0.35 : share < 0.45 ? 1 : 1 - (share - 0.45) / 0.55;
  return lid * lid * (3 - 2 * lid);
}

/** Turn both eyes: x to the character's left, y up, -1..1. */
export function look(weights: Float32Array, x: number, y: number): void {
  weights[INDEX.eyeLookOutLeft] = weights[INDEX.eyeLookInRight] = Math.max(0, x);
  weights[INDEX.eyeLookInLeft] = weights[INDEX.eyeLookOutRight] = Math.max(0, -x);
  weights[INDEX.eyeLookUpLeft] = weights[INDEX.eyeLookUpRight] = Math.max(0, y);
  weights[INDEX.eyeLookDownLeft] = weights[INDEX.eyeLookDownRight] = Math.max(0, -y);
}

function wander(time: number, speed: number, phase: number): number {
  const at = time * speed * 6.283 + phase;
  return 0.55 * Math.sin(at) + 0.3 * Math.sin(at * 1.71 + phase) + 0.15 * Math.sin(at * 3.13);
}
