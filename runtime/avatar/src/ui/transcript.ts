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

  /** `lacking`: a few words on why that is not all of the answer. */
  answer(heard: string, lacking: string | undefined): void {
    if (!heard) return;
    const line = this.add(lacking ? "assistant cut" : "assistant", heard);
    if (lacking) line.dataset.lacking = lacking;
    this.announce.textContent = heard;
  }

  private add(className: string, text: string): HTMLElement {
    const line = element("li", text, className);
    this.lines.append(line);
    line.scrollIntoView({ block: "nearest" });
    return line;
  }
}
