/** Which words stand under the face at a sample of the turn. */

import type { Caption } from "../protocol/messages.ts";

export interface CaptionPiece {
  text: string;
  heard: boolean;
}

/** Letters that are shown at once, about; a sentence's end comes first. */
const LINE = 64;

interface Word {
  text: string;
  firstSample: number;
}

export class CaptionTrack {
  private captions: Caption[] = [];
  /** Words in lines that are shown one after another. */
  private lines: Word[][] = [];
  private broken = false;

  /** Take a clause; one that begins where another does replaces it: its times are known better now. */
  push(caption: Caption): void {
    const known = this.captions.findIndex(({ firstSample }) => firstSample === caption.firstSample);
    if (known < 0) this.captions.push(caption);
    else this.captions[known] = caption;
    this.lines = this.captions.flatMap((each) => linesOf(wordsOf(each)));
  }

  clear(): void {
    this.captions = [];
    this.lines = [];
    this.broken = false;
  }

  /** The answer ends here, but is not whole: three dots follow its last word. */
  breakOff(): void {
    this.broken = true;
  }

  /** All that was captioned so far, for when nothing can be heard yet. */
  get text(): string {
    return this.captions.map((caption) => caption.text.trim()).join(" ");
  }

  /** The line at a sample (the last one that began) in pieces, each with whether it has begun to sound. */
  pieces(sample: number): CaptionPiece[] {
    let found = this.lines[0] ?? [];
    for (const line of this.lines) if (line[0].firstSample <= sample) found = line;
    const pieces = found.map(({ text, firstSample }) => ({ text, heard: firstSample <= sample }));
    const last = this.broken && found === this.lines.at(-1) ? pieces.at(-1) : undefined;
    if (last) last.text = last.text.replace(/[\s.…]*$/, "…");
    return pieces;
  }
}

/** The words of a caption with all that stands between them, so that nothing is lost. */
function wordsOf({ text, firstSample, lastSample, words }: Caption): Word[] {
  const found: Word[] = [];
  let offset = 0;
  words.forEach((word, index) => {
    const next = words[index + 1];
    const end = next ? next[0] : word[1] + (/^\W*/.exec(text.slice(word[1]))?.[0].length ?? 0);
    if (end > offset) found.push({ text: text.slice(offset, end), firstSample: word[2] });
    offset = Math.max(offset, end);
  });
  return [...found, ...untimed(text.slice(offset), words.at(-1)?.[3] ?? firstSample, lastSample)];
}

/** Words whose times are not known yet, spread over the sound that is left for them. */
function untimed(text: string, from: number, to: number): Word[] {
  const words = text.match(/\s*\S+\s*/g) ?? [];
  return words.map((word, index) => ({ text: word, firstSample: from + ((to - from) * index) / words.length }));
}

/** Break after a sentence, and before a line gets long. */
function linesOf(words: readonly Word[]): Word[][] {
  const lines: Word[][] = [];
  let line: Word[] = [];
  let length = 0;
  const finish = (): void => {
    if (line.length) lines.push(line);
    line = [];
    length = 0;
  };
  for (const word of words) {
    if (length + word.text.trim().length > LINE) finish();
    line.push(word);
    length += word.text.length;
    if (/[.!?…]["'”’)]*\s*$/.test(word.text)) finish();
  }
  finish();
  return lines;
}
