/** Puts the page together: one conversation, one face, one animation loop. */

import { Conversation } from "./conversation.ts";
import { Expression } from "./face/expression.ts";
import { SHAPES, placesOf } from "./face/shapes.ts";
import { OpenStage } from "./face/open.ts";
import { publish } from "./hook.ts";
import { CaptionsView } from "./ui/captions-view.ts";
import { wireInput, wirePanels } from "./ui/input.ts";
import { wireListening } from "./ui/listening.ts";
import { wireModel } from "./ui/model.ts";
import { PageView } from "./ui/page-view.ts";
import { Readout } from "./ui/readout.ts";
import { byId } from "./ui/dom.ts";

const GREETING = "Hello! I am glad that you are here. Ask me something.";
const LONGEST_STEP = 0.1;

const view = new PageView();
const conversation = new Conversation(new URL(".", document.baseURI), view);
const captions = new CaptionsView();
const readout = new Readout(conversation);
const expression = new Expression();
const stage = new OpenStage(byId("stage"), ({ fact, sentence }) => {
  readout.facts.set("Face", fact);
  byId("hint-face").textContent = sentence;
});
const listening = wireListening(conversation);

let places: Int16Array<ArrayBufferLike> = new Int16Array();
let arrived = new Float32Array();
const stream = new Float32Array(SHAPES.length);
let greeted = false;
let last = 0;

const say = (text: string): boolean => {
  greeted = true;
  const sent = conversation.say(text);
  if (!sent) view.problem("There is no connection yet: one moment, please.");
  return sent;
};
view.actions = {
  say,
  interrupt: () => conversation.interrupt(),
  connect: (resume) => conversation.connect(resume),
};
view.onWelcome = (welcome) => {
  places = placesOf(welcome.shapes);
  arrived = new Float32Array(welcome.shapes.length);
  greeted ||= (welcome.history?.length ?? 0) > 0;
  readout.facts.set("Microphone", listening.welcome(welcome));
  readout.facts.set("Session", welcome.resumable ? "survives a lost connection" : "in memory");
};

view.onLost = () => listening.lost();

/** The weights of what is heard now, in the order of SHAPES. */
function heardFace(): number | undefined {
  const sample = conversation.face(arrived);
  if (sample === undefined) return undefined;
  stream.fill(0);
  places.forEach((place, index) => {
    if (place >= 0) stream[place] = arrived[index];
  });
  return sample;
}

function caption(): void {
  const { captions: track, locked, played, state } = conversation;
  if (locked && track.text) captions.show([{ text: track.text, heard: true }]);
  else if (track.text) captions.show(track.pieces(played));
  else if (!greeted && state !== "ended") captions.show([{ text: GREETING, heard: true }]);
  else captions.show([]);
}

function draw(now: number): void {
  const passed = Math.min(LONGEST_STEP, (now - last) / 1000);
  last = now;
  const sample = heardFace();
  expression.update(now / 1000, passed, sample === undefined ? undefined : stream);
  stage.draw(expression.weights, expression.pose, now);
  if (sample !== undefined) conversation.applied(sample);
  conversation.stats.draw(now);
  caption();
  if (!byId("details").hidden) readout.update(now);
  requestAnimationFrame(draw);
}

const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
expression.still = calm.matches;
calm.onchange = () => (expression.still = calm.matches);
wireInput(conversation, say);
wirePanels();
wireModel(stage);
publish(conversation, expression);
requestAnimationFrame(draw);
conversation.connect();
