/** Another head by file or drop; it is read here and sent nowhere. */

import type { OpenStage } from "../face/open.ts";
import { byId, toggle } from "./dom.ts";
import { setPanel } from "./input.ts";

/** Wire the file button, dropping, and the way back. */
export function wireModel(stage: OpenStage): void {
  const input = byId<HTMLInputElement>("model");
  const take = (file: File | undefined): void => void use(stage, file);
  byId("choose").onclick = () => input.click();
  input.onchange = () => {
    take(input.files?.[0]);
    input.value = ""; // else choosing the same file again would be no change
  };
  byId("builtin").onclick = () => {
    stage.scene?.useBuiltin();
    tell("", false);
  };
  wireDrop(take);
}

async function use(stage: OpenStage, file: File | undefined): Promise<void> {
  if (!file) return;
  if (!stage.scene) return tell("This browser has no WebGL: other heads cannot be shown.", false);
  tell(`Reading ${file.name}…`, false);
  try {
    const { readModel } = await import("../face/glb.ts");
    const model = await readModel(await file.arrayBuffer());
    stage.scene.use(model);
    tell(model.report, true);
  } catch (error) {
    tell(error instanceof Error ? error.message : String(error), false);
  }
}

function tell(text: string, used: boolean): void {
  byId("coverage").textContent = text;
  toggle(byId("builtin"), used);
}

function wireDrop(take: (file: File | undefined) => void): void {
  const drop = byId("drop");
  const files = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;
  document.addEventListener("dragover", (event) => {
    if (!files(event)) return;
    event.preventDefault();
    drop.hidden = false;
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) drop.hidden = true;
  });
  document.addEventListener("drop", (event) => {
    if (!files(event)) return;
    event.preventDefault();
    drop.hidden = true;
    setPanel("details", true);
    take(event.dataTransfer?.files[0]);
  });
}
