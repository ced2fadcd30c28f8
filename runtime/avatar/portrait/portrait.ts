/** For those who sculpt: the built-in head with the weights of the address, #jawOpen=.4&mouthFunnel=.3. */

import { INDEX, SHAPES } from "../src/face/shapes.ts";
import { Stage } from "../src/face/stage.ts";

const stage = new Stage(document.body);
const weights = new Float32Array(SHAPES.length);

function draw(): void {
  const asked = new URLSearchParams(location.hash.slice(1));
  weights.fill(0);
  for (const [name, value] of asked) if (name in INDEX) weights[INDEX[name]] = Number(value);
  const pose = { pitch: Number(asked.get("pitch") ?? 0), yaw: Number(asked.get("yaw") ?? 0), roll: 0, breath: 0 };
  stage.draw(weights, pose, 0);
  document.title = "drawn";
}

window.onhashchange = draw;
draw();
