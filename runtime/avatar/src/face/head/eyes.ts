/** Eyeballs: iris and pupil painted, highlights that stay where the light is. */

import {
  CanvasTexture,
  CircleGeometry,
  Group,
  Mesh,
  MeshBasicMaterial,
  MeshPhysicalMaterial,
  SRGBColorSpace,
  SphereGeometry,
} from "three";
import { EYE, type Vec, mix, smoothstep } from "./measures.ts";
import { morphing, morphingMesh } from "./mesh.ts";
import { eyeCentre } from "./skin.ts";

const SEGMENTS = 48;
/** Half the angle that iris and pupil take of the ball. */
const IRIS = 0.52;
const PUPIL = 0.245;
/** How far eyes turn at weight 1. */
const TURN_SIDE = 0.42;
const TURN_UP = 0.32;
const TEXTURE = { width: 512, height: 256 };
const HALF_BALL = Math.PI / 2;

/** One eye, its highlights and the shade of its lid. */
export function buildEye(side: "Left" | "Right"): Group {
  const group = new Group();
  group.position.set(...eyeCentre(side));
  group.add(ball(side), shade());
  group.add(highlight(-0.052, 0.064, 0.029), highlight(0.062, -0.05, 0.0125));
  return group;
}

function ball(side: "Left" | "Right"): Mesh {
  const sphere = new SphereGeometry(EYE.radius, SEGMENTS, SEGMENTS / 2);
  sphere.rotateX(Math.PI / 2);
  const positions = new Float32Array(sphere.attributes.position.array);
  const indices = Array.from(sphere.index?.array ?? []);
  const shapes = ["In", "Out", "Up", "Down"].map((way) => `eyeLook${way}${side}`);
  const outwards = side === "Left" ? 1 : -1;
  const geometry = morphing({ positions, indices }, (shape, index) => {
    const p: Vec = [positions[3 * index], positions[3 * index + 1], positions[3 * index + 2]];
    const yaw = shape.includes("Out") ? outwards : shape.includes("In") ? -outwards : 0;
    const pitch = shape.includes("Up") ? 1 : shape.includes("Down") ? -1 : 0;
    return turn(p, yaw * TURN_SIDE, pitch * TURN_UP);
  }, shapes);
  geometry.setAttribute("uv", sphere.attributes.uv);
  const material = new MeshPhysicalMaterial({
    map: texture(),
    roughness: 0.28,
    clearcoat: 1,
    clearcoatRoughness: 0.06,
    envMapIntensity: 0.7,
  });
  const mesh = morphingMesh(geometry, material, `eye${side}`);
  mesh.castShadow = false;
  return mesh;
}

/** Displacement of a point of the ball that turns aside and up. */
function turn(p: Vec, yaw: number, pitch: number): Vec {
  const [cy, sy, cp, sp] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
  const y = p[1] * cp + p[2] * sp;
  const ahead = p[2] * cp - p[1] * sp;
  return [p[0] * cy + ahead * sy - p[0], y - p[1], ahead * cy - p[0] * sy - p[2]];
}

function texture(): CanvasTexture {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, TEXTURE);
  const context = canvas.getContext("2d");
  if (!context) throw new Error("This browser paints no canvas.");
  const image = context.createImageData(TEXTURE.width, TEXTURE.height);
  for (let row = 0; row < TEXTURE.height; row += 1) {
    for (let column = 0; column < TEXTURE.width; column += 1) {
      const colour = eyeColour((row / TEXTURE.height) * Math.PI, (column / TEXTURE.width) * 2 * Math.PI);
      image.data.set([...colour, 255], 4 * (row * TEXTURE.width + column));
    }
  }
  context.putImageData(image, 0, 0);
  const made = new CanvasTexture(canvas);
  made.colorSpace = SRGBColorSpace;
  made.anisotropy = 4;
  return made;
}

/** Colour at an angle from the pupil's middle and around it. */
function eyeColour(angle: number, around: number): number[] {
  const white = blend([250, 246, 242], [226, 176, 165], smoothstep(0.75, HALF_BALL, angle));
  const share = Math.min(1, Math.max(0, (angle - PUPIL) / (IRIS - PUPIL)));
  const streak = 0.5 + 0.25 * Math.sin(around * 34 + 3 * Math.sin(around * 9)) + 0.25 * Math.sin(around * 61 + 1.3);
  let iris = blend([146, 205, 199], [38, 104, 122], smoothstep(0.1, 0.85, share));
  iris = blend(iris, [190, 226, 210], 0.3 * streak * (1 - share));
  iris = blend(iris, [20, 58, 74], 0.25 * (1 - streak));
  iris = blend(iris, [16, 40, 52], smoothstep(0.78, 1, share) * 0.85);
  const pupil = blend([14, 14, 18], iris, smoothstep(PUPIL - 0.02, PUPIL + 0.03, angle));
  return blend(pupil, white, smoothstep(IRIS - 0.025, IRIS + 0.035, angle));
}

function blend(from: readonly number[], to: readonly number[], share: number): number[] {
  return from.map((value, index) => mix(value, to[index], share));
}

/** A light's reflection: in front of the ball, whatever way it looks. */
function highlight(x: number, y: number, size: number): Mesh {
  const material = new MeshBasicMaterial({ color: "#ffffff", transparent: true, opacity: 0.92, toneMapped: false });
  const spot = new Mesh(new CircleGeometry(size, 20), material);
  const z = Math.sqrt(EYE.radius ** 2 - x * x - y * y);
  spot.position.set(x, y, z).multiplyScalar(1.012);
  spot.lookAt(spot.position.clone().multiplyScalar(3));
  return spot;
}

/** The upper lid's shade on the ball. */
function shade(): Mesh {
  const geometry = new SphereGeometry(EYE.radius * 1.006, SEGMENTS, SEGMENTS / 2);
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: 4, height: 256 });
  const context = canvas.getContext("2d");
  if (!context) throw new Error("This browser paints no canvas.");
  const ramp = context.createLinearGradient(0, 0, 0, 256);
  const dark = (alpha: number): string => `rgba(58, 22, 18, ${alpha})`;
  for (const [at, alpha] of [[0, 0.5], [0.31, 0.36], [0.4, 0.2], [0.48, 0.04], [0.6, 0], [0.68, 0.2], [0.75, 0.45]]) {
    ramp.addColorStop(at, dark(alpha));
  }
  context.fillStyle = ramp;
  context.fillRect(0, 0, 4, 256);
  const map = new CanvasTexture(canvas);
  map.colorSpace = SRGBColorSpace;
  return new Mesh(geometry, new MeshBasicMaterial({ map, transparent: true, depthWrite: false }));
}
