/** Which words stand under the face at a sample of the turn. */

import type { Caption } from "../protocol/messages.ts";

export interface CaptionPiece {
  text: string;
  heard: boolean;
}

export class CaptionTrack {
  private captions: Caption[] = [];

  push(caption: Caption): void {
    this.captions.push(caption);
  }

  clear(): void {
    this.captions = [];
  }

  /** All that was captioned so far, for when nothing can be heard yet. */
  get text(): string {
    return this.captions.map((caption) => caption.text.trim()).join(" ");
  }

  /** The clause at a sample: the last one that began; the first until then. */
  current(sample: number): Caption | undefined {
    let found = this.captions[0];
    for (const caption of this.captions) if (caption.firstSample <= sample) found = caption;
    return found;
  }

  /** The clause at a sample in pieces, each with whether its words have begun to sound. */
  pieces(sample: number): CaptionPiece[] {
    const caption = this.current(sample);
    return caption ? split(caption, sample) : [];
  }
}

function split(caption: Caption, sample: number): CaptionPiece[] {
  if (!caption.words.length) return [{ text: caption.text, heard: sample >= caption.firstSample }];
  const pieces: CaptionPiece[] = [];
  let offset = 0;
  caption.words.forEach((word, index) => {
    const end = index === caption.words.length - 1 ? caption.text.length : word[1];
    if (end > offset) pieces.push({ text: caption.text.slice(offset, end), heard: sample >= word[2] });
    offset = Math.max(offset, end);
  });
  return pieces;
}
