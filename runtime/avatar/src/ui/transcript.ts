/** What was said, for reading; answers are announced to screen readers when they are complete. */

import { byId, element } from "./dom.ts";

export class Transcript {
  private readonly lines = byId("lines");
  private readonly announce = byId("announce");

  /** Begin again with what the server remembers. */
  restore(history: readonly { role: string; content: string }[]): void {
    this.lines.replaceChildren();
    for (const { role, content } of history) {
      if (role !== "system") this.add(role === "user" ? "user" : "assistant", content);
    }
  }

  question(text: string): void {
    if (text) this.add("user", text);
  }

  answer(heard: string, cut: boolean): void {
    if (!heard) return;
    this.add(cut ? "assistant cut" : "assistant", heard);
    this.announce.textContent = heard;
  }

  private add(className: string, text: string): void {
    this.lines.append(element("li", text, className));
    this.lines.lastElementChild?.scrollIntoView({ block: "nearest" });
  }
}
