/** The figures of the connection, for those who look. */

import type { Conversation } from "../conversation.ts";
import { byId, element } from "./dom.ts";

const EVERY_MS = 250;

export class Readout {
  private readonly list = byId("readout");
  private readonly values = new Map<string, HTMLElement>();
  private next = 0;
  /** Facts besides the conversation's own. */
  readonly facts = new Map<string, string>();

  constructor(private readonly conversation: Conversation) {}

  /** Write the figures, four times a second at most. */
  update(now: number): void {
    if (now < this.next) return;
    this.next = now + EVERY_MS;
    const { stats, clock, report } = this.conversation;
    const rate = clock?.context.sampleRate ?? 0;
    this.set("First audio", milliseconds(stats.firstAudioMs));
    this.set("Buffer", rate ? milliseconds((report.buffered / rate) * 1000) : "–");
    this.set("Drawn", `${stats.fps} fps`);
    this.set("Lip-sync skew, p95", milliseconds(stats.skewP95, 1));
    this.set("Underruns", String(report.underruns));
    this.set("Sound", clock ? `${clock.kind}, ${rate / 1000} kHz` : "–");
    for (const [name, value] of this.facts) this.set(name, value);
  }

  private set(name: string, value: string): void {
    let target = this.values.get(name);
    if (!target) {
      target = element("dd");
      this.values.set(name, target);
      this.list.append(element("dt", name), target);
    }
    if (target.textContent !== value) target.textContent = value;
  }
}

function milliseconds(value: number | undefined, digits = 0): string {
  return value === undefined ? "–" : `${value.toFixed(digits)} ms`;
}
