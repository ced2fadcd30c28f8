/** The page around the face: state, notices, suggestions, offers, and the question. */

import type { ConversationView, State } from "../conversation.ts";
import type { Next } from "../protocol/closing.ts";
import type { Interrupted, Welcome } from "../protocol/messages.ts";
import { byId, element, toggle } from "./dom.ts";
import { askKey } from "./key-dialog.ts";
import { Transcript } from "./transcript.ts";

const WORDS: Record<State, string> = {
  connecting: "Connecting…",
  ready: "Ready",
  thinking: "Thinking…",
  speaking: "Speaking",
  reconnecting: "Reconnecting…",
  ended: "Ended",
};
const STARTERS = ["Hello! Who are you?", "What can you do?", "How does this work?"];
const NOTICE_MS = 9000;

export interface PageActions {
  say(text: string): void;
  interrupt(): void;
  connect(resume: boolean): void;
}

export class PageView implements ConversationView {
  private readonly transcript = new Transcript();
  private readonly notice = byId("notice");
  private readonly offer = byId("offer");
  private readonly starters = byId("starters");
  private timer = 0;
  actions!: PageActions;
  /** The server takes spoken input. */
  onWelcome: (welcome: Welcome) => void = () => undefined;
  onLost: () => void = () => undefined;

  constructor() {
    for (const text of STARTERS) {
      const button = element("button", text);
      button.type = "button";
      button.onclick = () => this.actions.say(text);
      this.starters.append(button);
    }
  }

  state(state: State): void {
    document.body.dataset.state = state;
    byId("state-text").textContent = WORDS[state];
    const busy = state === "speaking" || state === "thinking";
    const stop = byId<HTMLButtonElement>("stop");
    if (!busy && document.activeElement === stop) byId("question").focus();
    toggle(stop, busy);
    byId<HTMLButtonElement>("send").disabled = state !== "ready" && !busy;
  }

  welcome(welcome: Welcome): void {
    this.offer.hidden = true;
    this.notice.hidden = true;
    const history = welcome.history ?? [];
    this.transcript.restore(history);
    toggle(this.starters, history.length === 0);
    if (welcome.interrupted) this.offerAgain(welcome.interrupted);
    this.onWelcome(welcome);
  }

  question(text: string): void {
    this.offer.hidden = true;
    if (text) this.starters.hidden = true;
    this.transcript.question(text);
  }

  answer(heard: string, lacking: string | undefined): void {
    this.transcript.answer(heard, lacking);
  }

  problem(message: string): void {
    window.clearTimeout(this.timer);
    this.notice.textContent = message;
    this.notice.hidden = false;
    this.timer = window.setTimeout(() => (this.notice.hidden = true), NOTICE_MS);
  }

  lost(next: Next): void {
    this.onLost();
    if (next.kind === "stop") this.button(next.message, next.button, next.button === "Take it back");
    if (next.kind === "ended") this.button("The conversation has ended.", "Start again", false);
  }

  draining(seconds: number): void {
    this.problem(`This server goes away; I move to another one within ${Math.ceil(seconds)} s.`);
  }

  key(wrong: boolean): Promise<string> {
    return askKey(wrong);
  }

  private button(message: string, label: string, resume: boolean): void {
    this.show(message, label, () => this.actions.connect(resume));
  }

  private offerAgain({ question, heardSamples }: Interrupted): void {
    const what = heardSamples ? "The last answer was cut off." : "Your last question was not answered.";
    this.show(what, `Ask again: “${question}”`, () => this.actions.say(question));
  }

  private show(message: string, label: string, act: () => void): void {
    const button = element("button", label, "plain strong");
    button.type = "button";
    button.onclick = () => {
      this.offer.hidden = true;
      act();
    };
    this.offer.replaceChildren(element("span", message), button);
    this.offer.hidden = false;
  }
}
