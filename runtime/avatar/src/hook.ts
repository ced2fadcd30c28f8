/**
 * window.__digitalHuman: what tests may read, and nothing that they may change.
 *
 * state, turn, playedSamples, bufferedSamples, underruns: of the conversation, now.
 * skewMs, appliedSamples: of the last 600 drawn frames in which something was said, in order.
 * drawnFps: animation frames of the last second; drawn: of all.
 * lastFrameWeights: what the face shows, by ARKit names. clock: worklet or scheduled.
 */

import type { Conversation } from "./conversation.ts";
import type { Expression } from "./face/expression.ts";
import { SHAPES } from "./face/shapes.ts";

/** Put the hook on the window. */
export function publish(conversation: Conversation, expression: Expression): void {
  const { stats } = conversation;
  const hook = {
    get state() {
      return conversation.state;
    },
    get turn() {
      return conversation.turn;
    },
    get playedSamples() {
      return conversation.played;
    },
    get bufferedSamples() {
      return conversation.report.buffered;
    },
    get underruns() {
      return conversation.report.underruns;
    },
    get clock() {
      return conversation.clock?.kind;
    },
    get skewMs() {
      return [...stats.skewMs];
    },
    get appliedSamples() {
      return [...stats.appliedSamples];
    },
    get drawnFps() {
      return stats.fps;
    },
    get drawn() {
      return stats.drawn;
    },
    get firstAudioMs() {
      return stats.firstAudioMs;
    },
    get lastFrameWeights() {
      return Object.fromEntries(SHAPES.map((name, index) => [name, expression.weights[index]]));
    },
  };
  Object.defineProperty(window, "__digitalHuman", { value: Object.freeze(hook) });
}
