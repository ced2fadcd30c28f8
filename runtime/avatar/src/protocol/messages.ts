/** The words of docs/protocol/conversation.md, version 1, as the page understands them. */

export const VERSION = 1;
export const SUBPROTOCOL = "digital-human.v1";

export interface Interrupted {
  question: string;
  heardSamples: number;
}

export interface Welcome {
  type: "welcome";
  session: string;
  token: string;
  resumable: boolean;
  reason?: string;
  sampleRate: number;
  fps: number;
  shapes: string[];
  windowSamples: number;
  idleSeconds?: number;
  history?: { role: string; content: string }[];
  interrupted?: Interrupted | null;
  input?: { speech?: boolean };
  /** The server answers `ping`. */
  pings?: boolean;
}

export interface Turn {
  type: "turn";
  turn: number;
  question: string;
  id?: string;
}

export interface Text {
  type: "text";
  turn: number;
  text: string;
}

/** start and end are offsets into the caption's text, the samples are those of the turn. */
export type WordTime = [start: number, end: number, firstSample: number, lastSample: number];

export interface Caption {
  type: "caption";
  turn: number;
  text: string;
  firstSample: number;
  lastSample: number;
  words: WordTime[];
}

export interface End {
  type: "end";
  turn: number;
  reason: "complete" | "interrupted" | "failed";
  samples: number;
  heard: string;
  /** Of a complete turn whose answer is not whole. */
  finishReason?: string | null;
  code?: string | null;
  message?: string | null;
  retryAfter?: number | null;
}

export interface Refusal {
  type: "error";
  code: string;
  message: string;
  retryAfter?: number | null;
  id?: string | null;
}

export type ServerMessage =
  | Welcome
  | Turn
  | Text
  | Caption
  | End
  | Refusal
  | { type: "pong" }
  | { type: "token"; token: string }
  | { type: "resumable"; resumable: boolean; reason?: string }
  | { type: "drain"; seconds: number; token?: string | null };

export type ClientMessage =
  | { type: "hello"; version: number; ticket: string }
  | { type: "hello"; version: number; resume: { session: string; token: string } }
  | { type: "say"; text: string; id?: string }
  | { type: "interrupt" | "credit" | "finished"; turn: number; played: number }
  | { type: "listen"; state: "start" | "stop" }
  | { type: "ping" }
  | { type: "bye" };

const CUTS = new Map([
  ["length", "cut at its longest"],
  ["content_filter", "cut by a filter"],
]);

/** What an answer lacks at its end, in a few words; undefined where it was heard whole. */
export function lacking({ reason, finishReason }: End): string | undefined {
  return reason === "complete" ? CUTS.get(finishReason ?? "") : "interrupted";
}

type Check = (value: unknown) => boolean;
const text: Check = (value) => typeof value === "string";
const count: Check = (value) => typeof value === "number" && Number.isFinite(value) && value >= 0;
const positive: Check = (value) => count(value) && (value as number) > 0;
const flag: Check = (value) => typeof value === "boolean";
const names: Check = (value) => Array.isArray(value) && value.length > 0 && value.every(text);
const words: Check = (value) =>
  Array.isArray(value) &&
  value.every((word) => Array.isArray(word) && word.length === 4 && word.every(count));

const FIELDS: Record<string, Record<string, Check>> = {
  welcome: {
    session: text,
    token: text,
    resumable: flag,
    sampleRate: positive,
    fps: positive,
    shapes: names,
    windowSamples: positive,
  },
  turn: { turn: count, question: text },
  text: { turn: count, text },
  caption: { turn: count, text, firstSample: count, lastSample: count, words },
  end: { turn: count, reason: text, samples: count, heard: text },
  pong: {},
  token: { token: text },
  resumable: { resumable: flag },
  drain: { seconds: count },
  error: { code: text, message: text },
};

/**
 * Read a text message; undefined for a type that is unknown, which is ignored.
 * Throws a sentence that names the field when a known message is not as the protocol says.
 */
export function parse(raw: string): ServerMessage | undefined {
  const message: unknown = JSON.parse(raw);
  if (typeof message !== "object" || message === null || !("type" in message)) {
    throw new Error("A message of the server has no type.");
  }
  const record = message as Record<string, unknown>;
  const fields = FIELDS[String(record.type)];
  if (!fields) return undefined;
  for (const [field, check] of Object.entries(fields)) {
    if (!check(record[field])) {
      throw new Error(`The server's ${String(record.type)} has no valid ${field}.`);
    }
  }
  return record as unknown as ServerMessage;
}
