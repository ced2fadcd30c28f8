/** The names that models give to blendshapes, and what of ours they stand for. */

import { INDEX, SHAPES } from "./shapes.ts";

export interface Source {
  shape: string;
  gain: number;
}

const byLowerCase = new Map(SHAPES.map((name) => [name.toLowerCase(), name]));

/** Without any of these lips cannot close. */
const CLOSURES = ["mouthClose", "mouthPressLeft", "mouthPressRight", "mouthRollLower", "mouthRollUpper", "mouthPucker"];

/**
 * Mouth shapes of models that have visemes only: which of our weights open each. Of ours, 1 is
 * full; the model's is the sum. Oculus (viseme_XX) and VRM (aa, ih, ou, ee, oh).
 */
const VISEMES: Record<string, Source[]> = {
  aa: [{ shape: "jawOpen", gain: 1.4 }],
  e: [{ shape: "mouthStretchLeft", gain: 0.5 }, { shape: "mouthStretchRight", gain: 0.5 }],
  i: [{ shape: "mouthSmileLeft", gain: 0.4 }, { shape: "mouthSmileRight", gain: 0.4 }],
  o: [{ shape: "mouthFunnel", gain: 1 }],
  u: [{ shape: "mouthPucker", gain: 1 }],
  pp: [{ shape: "mouthClose", gain: 1 }, { shape: "mouthPressLeft", gain: 0.4 }, { shape: "mouthPressRight", gain: 0.4 }],
  ff: [{ shape: "mouthRollLower", gain: 0.8 }],
};
const VRM: Record<string, string> = { aa: "aa", ee: "e", ih: "i", oh: "o", ou: "u", a: "aa", i: "i", u: "u", e: "e", o: "o" };

/** The ARKit name of a model's own: any case, prefixes such as blendShape1., _L and _R. */
export function arkitName(own: string): string | undefined {
  const bare = own.split(/[.:|/]/).pop() ?? own;
  const candidates = [bare, bare.replace(/^[a-z]+[0-9]*_(?=[a-z]{3})/i, "")];
  for (const name of candidates) {
    const flat = name.replace(/_?L$/, (end) => (end.startsWith("_") ? "Left" : end)).replace(/_R$/, "Right");
    const found = byLowerCase.get(flat.replace(/_/g, "").toLowerCase());
    if (found) return found;
  }
  return undefined;
}

/** The viseme of a model's own name: viseme_XX of Oculus, or an expression of VRM. */
export function visemeName(own: string): string | undefined {
  const bare = (own.split(/[.:|/]/).pop() ?? own).toLowerCase();
  const oculus = /^viseme_?([a-z]+)$/.exec(bare);
  if (oculus) return oculus[1] in VISEMES ? oculus[1] : undefined;
  const vrm = bare.replace(/^(fcl_mth_|mouth_|vrm_)/, "");
  return VRM[vrm];
}

/** What a model's shapes can show of the 52. */
export class Coverage {
  readonly found: ReadonlySet<string>;
  private readonly visemes: ReadonlySet<string>;

  constructor(own: readonly string[]) {
    this.found = new Set(own.map(arkitName).filter((name) => name !== undefined));
    this.visemes = new Set(own.map(visemeName).filter((name) => name !== undefined));
  }

  /** Only with visemes does a model speak by them: with jawOpen they would count twice. */
  private get speaksByVisemes(): boolean {
    return !this.found.has("jawOpen") && this.visemes.has("aa");
  }

  /** Which of our weights move one of the model's shapes. */
  sources(own: string): Source[] {
    const shape = arkitName(own);
    if (shape) return [{ shape, gain: 1 }];
    const viseme = this.speaksByVisemes ? visemeName(own) : undefined;
    return viseme ? VISEMES[viseme].filter((source) => source.shape in INDEX) : [];
  }

  /** Why the model cannot be used; undefined when it can. */
  get obstacle(): string | undefined {
    if (this.speaksByVisemes) return undefined;
    if (!this.found.has("jawOpen")) {
      return "This model has no jawOpen, so its mouth could not open: export it with the ARKit blendshapes.";
    }
    if (CLOSURES.some((name) => this.found.has(name))) return undefined;
    return "This model has no shape that closes its lips (mouthClose, mouthPress, mouthRoll or mouthPucker): export it with the ARKit blendshapes.";
  }

  /** One sentence on how much of the face moves. */
  get report(): string {
    if (this.speaksByVisemes) return `It speaks by ${this.visemes.size} visemes; ${this.found.size} of 52 ARKit shapes.`;
    const missing = SHAPES.filter((name) => !this.found.has(name));
    const some = missing.slice(0, 6).join(", ") + (missing.length > 6 ? ", …" : "");
    return `${this.found.size}/52 shapes found.${missing.length ? ` Missing: ${some}.` : ""}`;
  }
}
