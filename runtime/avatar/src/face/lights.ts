/** Soft studio light, all of it made here. */

import {
  BackSide,
  BoxGeometry,
  DirectionalLight,
  HemisphereLight,
  Mesh,
  MeshBasicMaterial,
  PMREMGenerator,
  Scene,
  type Texture,
  type WebGLRenderer,
} from "three";

/** A bright room with large windows, for reflections and even light. */
export function environment(renderer: WebGLRenderer): Texture {
  const room = new Scene();
  const box = new BoxGeometry(1, 1, 1);
  const panel = (colour: string, strength: number, scale: [number, number, number], at: [number, number, number]): void => {
    const material = new MeshBasicMaterial({ color: colour, side: BackSide });
    material.color.multiplyScalar(strength);
    const mesh = new Mesh(box, material);
    mesh.scale.set(...scale);
    mesh.position.set(...at);
    if (at.some((value) => value !== 0)) material.side = 2;
    room.add(mesh);
  };
  panel("#b7a99e", 0.6, [20, 20, 20], [0, 0, 0]);
  panel("#fff3e4", 7, [5, 5, 0.2], [-5, 5, 6]);
  panel("#dfe9ff", 4, [0.2, 6, 5], [8, 2, 2]);
  panel("#ffe2cc", 2.5, [10, 0.2, 8], [0, -7, 4]);
  panel("#ffffff", 4, [8, 0.2, 8], [0, 9, 0]);
  const generator = new PMREMGenerator(renderer);
  const { texture } = generator.fromScene(room, 0.04);
  generator.dispose();
  return texture;
}

/** Key from the upper left, a cool fill, and light from behind that draws the outline. */
export function addLights(scene: Scene): void {
  scene.add(new HemisphereLight("#f6f2ff", "#b5806e", 0.36));
  const key = new DirectionalLight("#fffaf5", 2.6);
  key.position.set(-2.3, 3.1, 3.6);
  key.castShadow = true;
  key.shadow.mapSize.set(1024, 1024);
  Object.assign(key.shadow.camera, { left: -1.7, right: 1.7, top: 1.6, bottom: -2, near: 1, far: 10 });
  key.shadow.camera.updateProjectionMatrix();
  key.shadow.bias = -0.0006;
  key.shadow.normalBias = 0.022;
  key.shadow.radius = 6;
  key.shadow.intensity = 0.7;
  const fill = new DirectionalLight("#cfdcff", 0.5);
  fill.position.set(3.2, 0.4, 2.6);
  const rim = new DirectionalLight("#ffd9c2", 1.5);
  rim.position.set(2.4, 2.2, -3.4);
  const rimCool = new DirectionalLight("#bcd0ff", 1);
  rimCool.position.set(-3, 1.4, -3);
  scene.add(key, fill, rim, rimCool);
}
