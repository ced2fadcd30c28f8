/** The conversation as the page lives it: turns, sound, faces and captions on one clock. */

import type { AudioClock, Report } from "./audio/clock.ts";
import { openClock, openContext } from "./audio/open.ts";
import { CaptionTrack } from "./playback/captions.ts";
import { FrameTrack } from "./playback/frames.ts";
import { Stats } from "./playback/stats.ts";
import { TurnGuard } from "./playback/turn-guard.ts";
import type { Next } from "./protocol/closing.ts";
import { Link } from "./protocol/link.ts";
import { decodeMedia } from "./protocol/media.ts";
import { type End, type ServerMessage, type Turn, type Welcome, lacking } from "./protocol/messages.ts";

export type State = "connecting" | "ready" | "thinking" | "speaking" | "reconnecting" | "ended";

/** What the page shows of it. */
export interface ConversationView {
  state(state: State): void;
  welcome(welcome: Welcome): void;
  question(text: string): void;
  /** The answer is at an end; `heard` is what was heard of it, `lacking` says why that is not all. */
  answer(heard: string, lacking: string | undefined): void;
  problem(message: string): void;
  lost(next: Next): void;
  draining(seconds: number): void;
  key(wrong: boolean): Promise<string>;
}

const CREDIT_MS = 100;

export class Conversation {
  state: State = "connecting";
  readonly stats = new Stats();
  readonly captions = new CaptionTrack();
  clock: AudioClock | undefined;
  shapes: string[] = [];
  private track: FrameTrack | undefined;
  private readonly guard = new TurnGuard();
  private readonly link: Link;
  private ending: End | undefined;
  private began = false;
  private credited = -1;
  /** The question was taken back before its turn began. */
  private stopNext = false;
  /** The question that no turn has taken up yet: a connection may be lost with it. */
  private unanswered = "";
  private session = "";
  private moving: { token?: string | null; at: number } | undefined;
  /** The loudspeaker: there before its clock, so that a gesture meanwhile is not lost. */
  private context: AudioContext | undefined;
  private opening: Promise<void> = Promise.resolve();

  constructor(
    base: URL,
    private readonly view: ConversationView,
  ) {
    this.link = new Link(base, {
      welcome: (welcome) => this.welcome(welcome),
      message: (message) => this.understand(message),
      media: (buffer) => this.play(buffer),
      lost: (next) => this.lost(next),
      key: (wrong) => view.key(wrong),
      problem: (message) => view.problem(message),
    });
    window.setInterval(() => this.tick(), CREDIT_MS);
  }

  get turn(): number {
    return this.guard.current;
  }

  /** Sound is held back until the reader has touched the page. */
  get locked(): boolean {
    return this.clock !== undefined && this.clock.context.state !== "running";
  }

  /** Sample of the turn that is heard now. */
  get played(): number {
    return Math.max(0, this.clock?.heard() ?? 0);
  }

  get report(): Report {
    return this.clock?.report() ?? { buffered: 0, underruns: 0, drained: false };
  }

  connect(resume = false): void {
    this.change(resume ? "reconnecting" : "connecting");
    void this.link.connect(resume);
  }

  /** Call in a gesture of the reader: browsers sound only then. */
  unlock(): void {
    void this.context?.resume();
  }

  /** Ask; what is being said is interrupted. False while there is no connection. */
  say(text: string): boolean {
    this.unlock();
    if (!this.link.open) return false;
    this.interrupt();
    this.stopNext = false;
    const id = this.guard.ask();
    this.stats.ask(performance.now());
    this.link.send({ type: "say", text, id });
    this.unanswered = text;
    this.change("thinking");
    return true;
  }

  /** Barge in: mute here first, then tell the server what was heard. */
  interrupt(): void {
    if (this.state !== "speaking" && this.state !== "thinking" && !this.guard.plays(this.turn)) return;
    const played = Math.floor(this.played);
    this.stopNext = this.guard.waiting;
    this.unanswered = "";
    this.silence();
    if (this.turn) this.link.send({ type: "interrupt", turn: this.turn, played });
    this.change("ready");
  }

  listen(state: "start" | "stop"): void {
    this.link.send({ type: "listen", state });
  }

  sendSound(pcm: ArrayBuffer): void {
    this.link.sendSound(pcm);
  }

  /**
   * Write the weights for what is heard now into `out`; returns the sample they belong to, or
   * undefined when nothing is being said.
   */
  face(out: Float32Array): number | undefined {
    if (!this.track || !this.guard.plays(this.turn)) return undefined;
    const played = this.played;
    if (played > 0 && !this.began) this.start();
    return this.began ? this.track.at(played, out) : undefined;
  }

  /** After drawing: how far what was drawn is from what is heard, in the same animation frame. */
  applied(sample: number): void {
    const rate = this.clock?.context.sampleRate ?? 1;
    this.stats.apply(sample, ((sample - this.played) / rate) * 1000);
  }

  private welcome(welcome: Welcome): void {
    this.shapes = welcome.shapes;
    this.track = new FrameTrack(welcome.shapes.length, welcome.fps, welcome.sampleRate);
    this.opening = this.openSound(welcome.sampleRate).catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      this.view.problem(`This browser plays no sound (${reason}).`);
    });
    this.moving = undefined;
    this.silence();
    if (welcome.session !== this.session) this.guard.restart();
    this.session = welcome.session;
    this.change("ready");
    const question = this.unanswered;
    this.unanswered = "";
    this.view.welcome(question ? { ...welcome, interrupted: { question, heardSamples: 0 } } : welcome);
  }

  private async openSound(rate: number): Promise<void> {
    if (this.context?.sampleRate === rate) return this.opening;
    const context = openContext(rate);
    this.context = context;
    const old = this.clock;
    this.clock = undefined;
    await old?.close();
    const clock = await openClock(context);
    if (this.context === context) this.clock = clock;
    else await clock.close();
  }

  private understand(message: ServerMessage): void {
    if (message.type === "turn") this.begin(message);
    else if (message.type === "caption") this.caption(message);
    else if (message.type === "end") this.end(message);
    else if (message.type === "error") this.refused(message.message);
    else if (message.type === "drain") {
      this.moving = { token: message.token, at: performance.now() + message.seconds * 800 };
      this.view.draining(message.seconds);
    }
  }

  private begin({ turn, question, id }: Turn): void {
    if (!this.guard.begin(turn, id)) return;
    this.clock?.reset();
    this.track?.clear();
    this.captions.clear();
    this.stats.beginTurn();
    this.ending = undefined;
    this.began = false;
    this.credited = -1;
    if (question) this.unanswered = "";
    this.view.question(question);
    // Before a greeting nobody asked, so nobody thinks; it may wait long for a gesture to sound.
    if (!this.stopNext) return this.change(question ? "thinking" : "ready");
    this.stopNext = false;
    this.guard.silence();
    this.link.send({ type: "interrupt", turn, played: 0 });
  }

  private caption(message: ServerMessage & { type: "caption" }): void {
    if (this.guard.plays(message.turn)) this.captions.push(message);
  }

  private play(buffer: ArrayBuffer): void {
    try {
      const media = decodeMedia(buffer, this.shapes.length);
      if (!this.guard.plays(media.turn)) return;
      this.track?.push(media.firstFrame, media.frames, media.weights);
      if (this.clock) this.clock.push(media.samples);
      else void this.opening.then(() => this.guard.plays(media.turn) && this.clock?.push(media.samples));
    } catch (error) {
      this.view.problem(error instanceof Error ? error.message : String(error));
    }
  }

  private end(end: End): void {
    if (end.turn !== this.turn) return;
    if (end.reason === "failed") this.view.problem(end.message ?? "The answer failed.");
    if (end.reason === "interrupted" || !this.guard.plays(end.turn) || end.samples === 0) {
      this.finish(end);
      return;
    }
    if (lacking(end)) this.captions.breakOff();
    this.ending = end;
    void this.opening.then(() => this.clock?.finish());
  }

  private refused(message: string): void {
    if (this.state === "thinking") this.change("ready");
    this.unanswered = "";
    this.view.problem(message);
  }

  private start(): void {
    this.began = true;
    this.stats.hear(performance.now());
    this.change("speaking");
  }

  private tick(): void {
    const { ending } = this;
    if (this.began && this.guard.plays(this.turn)) this.credit();
    if (ending && this.report.drained && this.played >= ending.samples - 1) {
      this.link.send({ type: "finished", turn: ending.turn, played: ending.samples });
      this.finish(ending);
    }
    if (this.moving && (this.state === "ready" || performance.now() > this.moving.at)) {
      const { token } = this.moving;
      this.moving = undefined;
      this.link.move(token);
    }
  }

  private credit(): void {
    const played = Math.floor(this.played);
    if (played === this.credited) return;
    this.credited = played;
    this.link.send({ type: "credit", turn: this.turn, played });
  }

  /** The turn is over for the listener. */
  private finish(end: End): void {
    this.view.answer(end.heard, lacking(end));
    if (!this.guard.plays(end.turn)) return;
    this.silence();
    this.change("ready");
  }

  private silence(): void {
    this.guard.silence();
    this.clock?.reset();
    this.track?.clear();
    this.captions.clear();
    this.ending = undefined;
    this.began = false;
  }

  private lost(next: Next): void {
    this.silence();
    const going = next.kind === "resume" || next.kind === "renew";
    this.change(going ? "reconnecting" : "ended");
    this.view.lost(next);
  }

  private change(state: State): void {
    if (state === this.state) return;
    this.state = state;
    this.view.state(state);
  }
}
