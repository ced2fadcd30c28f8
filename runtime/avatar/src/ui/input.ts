/** Keys, buttons and the question: everything that the reader does by hand. */

import type { Conversation } from "../conversation.ts";
import { byId } from "./dom.ts";

const PANELS = ["transcript", "details"];
/** As in page.css: two panels do not fit beside each other. */
const narrow = window.matchMedia("(max-width: 600px)");

/** Wire the form: Enter sends, Escape interrupts, typing while it speaks interrupts. */
export function wireInput(conversation: Conversation, say: (text: string) => boolean): void {
  const form = byId<HTMLFormElement>("ask");
  const question = byId<HTMLTextAreaElement>("question");
  form.onsubmit = (event) => {
    event.preventDefault();
    const text = question.value.trim();
    if (text && say(text)) question.value = "";
  };
  question.onkeydown = (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  };
  question.oninput = () => {
    if (conversation.state === "speaking" && question.value.trim()) conversation.interrupt();
  };
  byId("stop").onclick = () => conversation.interrupt();
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
    if (!closePanel()) conversation.interrupt();
  });
  for (const gesture of ["pointerdown", "keydown"]) {
    document.addEventListener(gesture, () => conversation.unlock(), { capture: true });
  }
}

/** Buttons that open the panels; one that is open takes Escape before the conversation does. */
export function wirePanels(): void {
  for (const name of PANELS) {
    const button = byId(`show-${name}`);
    button.onclick = () => setPanel(name, Boolean(byId(name).hidden));
  }
}

/** Open or close a panel; in a narrow window the other one makes room. */
export function setPanel(name: string, open: boolean): void {
  if (open && narrow.matches) PANELS.filter((other) => other !== name).forEach((other) => setPanel(other, false));
  byId(name).hidden = !open;
  byId(`show-${name}`).setAttribute("aria-expanded", String(open));
}

function closePanel(): boolean {
  for (const name of PANELS) {
    const panel = byId(name);
    if (panel.hidden || !panel.contains(document.activeElement)) continue;
    setPanel(name, false);
    byId(`show-${name}`).focus();
    return true;
  }
  return false;
}
