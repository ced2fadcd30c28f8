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
import { framing } from "./framing.ts";
import { addLights, environment } from "./lights.ts";
import { plainer } from "./plain.ts";
import { Quality, STEPS, pinnedQuality } from "./quality.ts";
import { Rig, plausible } from "./rig.ts";
import type { Pose } from "./shapes.ts";

/** Another head, ready to be shown. */
export interface Model {
  root: Group;
  rig: Rig;
  report: string;
}

const FIELD_OF_VIEW = 24;

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

  /**
   * Throws where the browser has no WebGL 2. `changed` is told when the browser takes the picture
   * away (true) and when it gives it back.
   */
  constructor(
    private readonly parent: HTMLElement,
    changed: (lost: boolean) => void = () => undefined,
  ) {
    const pinned = pinnedQuality(location.search);
    const slow = pinned === undefined ? drawnByProcessor() : STEPS[pinned].plain;
    this.renderer = new WebGLRenderer({ antialias: !slow, alpha: true, powerPreference: "high-performance" });
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
    addLights(this.scene);
    this.quality = new Quality(window.devicePixelRatio, slow, pinned);
    this.reflect();
    this.watch(changed);
    new ResizeObserver(() => this.resize()).observe(parent);
    this.resize();
  }

  /** Whether the browser has taken the picture away. */
  get lost(): boolean {
    return this.renderer.getContext().isContextLost();
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

  /** Make what the skin reflects: a texture that was drawn, which a lost picture takes with it. */
  private reflect(): void {
    if (!this.quality.step.plain) this.scene.environment = environment(this.renderer);
  }

  /** The renderer makes the rest again by itself: its own listeners were there before these. */
  private watch(changed: (lost: boolean) => void): void {
    const canvas = this.renderer.domElement;
    canvas.addEventListener("webglcontextlost", () => {
      canvas.hidden = true;
      changed(true);
    });
    canvas.addEventListener("webglcontextrestored", () => {
      this.reflect();
      this.resize();
      canvas.hidden = false;
      changed(false);
    });
  }

  private resize(): void {
    const { clientWidth: width, clientHeight: height } = this.parent;
    if (!width || !height) return;
    const { ratio, shadows, plain } = this.quality.step;
    this.renderer.setPixelRatio(ratio);
    this.renderer.setSize(width, height, false);
    this.renderer.shadowMap.enabled = shadows;
    if (plain) plainer(this.scene);
    this.camera.aspect = width / height;
    const tangent = Math.tan((FIELD_OF_VIEW * Math.PI) / 360);
    const { y, half } = framing(width, height);
    this.camera.position.set(0, y, half / tangent + 0.4);
    this.camera.lookAt(new Vector3(0, y, 0));
    this.camera.updateProjectionMatrix();
  }
}

/** Whether pictures are computed by the processor; asked of a context that is given back at once. */
function drawnByProcessor(): boolean {
  const context = document.createElement("canvas").getContext("webgl2");
  const info = context?.getExtension("WEBGL_debug_renderer_info");
  const name = info ? String(context?.getParameter(info.UNMASKED_RENDERER_WEBGL)) : "";
  context?.getExtension("WEBGL_lose_context")?.loseContext();
  return /swiftshader|llvmpipe|softpipe|software|basic render/i.test(name);
}
