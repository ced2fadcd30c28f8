/** The words under the face; touched only when one of them begins to sound. */

import type { CaptionPiece } from "../playback/captions.ts";
import { byId, element } from "./dom.ts";

export class CaptionsView {
  private readonly line = byId("caption");
  private shown = "";

  show(pieces: readonly CaptionPiece[]): void {
    const key = pieces.map((piece) => (piece.heard ? "+" : "-") + piece.text).join("");
    if (key === this.shown) return;
    this.shown = key;
    const spans = [...this.line.children];
    if (spans.length === pieces.length && spans.every((s, i) => s.textContent === pieces[i].text)) {
      spans.forEach((span, index) => (span.className = pieces[index].heard ? "heard" : ""));
      return;
    }
    this.line.replaceChildren(...pieces.map(({ text, heard }) => element("span", text, heard ? "heard" : "")));
  }
}
