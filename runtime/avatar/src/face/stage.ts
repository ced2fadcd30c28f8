/** The scene: a head in soft light, a camera that keeps it in view, and a picture as fine as the machine draws. */

import {
  Group,
  NeutralToneMapping,
  PCFShadowMap,
  PerspectiveCamera,
  Scene,
  Vector3,
  WebGLRenderer,
} from "three";
import { buildHead } from "./head/build.ts";
import { addLights, environment } from "./lights.ts";
import { Quality } from "./quality.ts";
import { Rig, plausible } from "./rig.ts";
import type { Pose } from "./shapes.ts";

/** Another head, ready to be shown. */
export interface Model {
  root: Group;
  rig: Rig;
  report: string;
}

const FIELD_OF_VIEW = 24;
/** What must be seen: half the height and half the width, around this height. */
const FRAME = { halfHeight: 1.5, halfWidth: 1.02, y: -0.02 };

export class Stage {
  private readonly renderer: WebGLRenderer;
  private readonly scene = new Scene();
  private readonly camera = new PerspectiveCamera(FIELD_OF_VIEW, 1, 0.5, 30);
  private readonly builtin = new Group();
  private readonly head: Group;
  private readonly body: Group;
  private readonly builtinRig: Rig;
  private readonly quality: Quality;
  private model: Model | undefined;

  /** Throws where the browser has no WebGL 2. */
  constructor(private readonly parent: HTMLElement) {
    this.renderer = new WebGLRenderer({ antialias: true, alpha: true, powerPreference: "high-performance" });
    this.renderer.toneMapping = NeutralToneMapping;
    this.renderer.toneMappingExposure = 1;
    this.renderer.shadowMap.enabled = true;
    this.renderer.shadowMap.type = PCFShadowMap;
    parent.append(this.renderer.domElement);
    this.renderer.domElement.setAttribute("aria-hidden", "true");
    const { head, body } = buildHead();
    this.head = head;
    this.body = body;
    this.builtin.add(head, body);
    this.builtinRig = new Rig(head);
    this.scene.add(this.builtin);
    this.scene.environment = environment(this.renderer);
    addLights(this.scene);
    this.quality = new Quality(window.devicePixelRatio);
    new ResizeObserver(() => this.resize()).observe(parent);
    this.resize();
  }

  /** Show weights and pose. `now`: milliseconds of the animation frame. */
  draw(weights: Float32Array, pose: Pose, now: number): void {
    plausible(weights);
    (this.model?.rig ?? this.builtinRig).show(weights);
    const head = this.model?.root ?? this.head;
    head.rotation.set(pose.pitch, pose.yaw, pose.roll);
    this.head.position.y = 0.006 * pose.breath;
    this.body.scale.set(1 + 0.004 * pose.breath, 1, 1 + 0.012 * pose.breath);
    if (this.quality.measure(now)) this.resize();
    this.renderer.render(this.scene, this.camera);
  }

  /** Show another head instead of the built-in one. */
  use(model: Model): void {
    this.useBuiltin();
    this.model = model;
    this.builtin.visible = false;
    this.scene.add(model.root);
  }

  useBuiltin(): void {
    if (this.model) this.scene.remove(this.model.root);
    this.model = undefined;
    this.builtin.visible = true;
  }

  private resize(): void {
    const { clientWidth: width, clientHeight: height } = this.parent;
    if (!width || !height) return;
    this.renderer.setPixelRatio(this.quality.ratio);
    this.renderer.setSize(width, height, false);
    this.renderer.shadowMap.enabled = this.quality.shadows;
    this.camera.aspect = width / height;
    const tangent = Math.tan((FIELD_OF_VIEW * Math.PI) / 360);
    const far = Math.max(FRAME.halfHeight / tangent, FRAME.halfWidth / (tangent * this.camera.aspect));
    // The lower part of the page belongs to captions and the question.
    const lift = this.camera.aspect < 0.8 ? 0.3 : 0.2;
    this.camera.position.set(0, FRAME.y - lift, far + 0.4);
    this.camera.lookAt(new Vector3(0, FRAME.y - lift, 0));
    this.camera.updateProjectionMatrix();
  }
}
