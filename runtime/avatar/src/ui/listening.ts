/** The microphone's button, or the reason why there is none. */

import { Microphone, microphoneObstacle } from "../audio/microphone.ts";
import type { Conversation } from "../conversation.ts";
import type { Welcome } from "../protocol/messages.ts";
import { byId, toggle } from "./dom.ts";

/** What to do when the connection comes, and when it goes. */
export interface Listening {
  /** Show the button where speech is taken; returns how it stands with that. */
  welcome(welcome: Welcome): string;
  /** Nobody hears any more: close the microphone. */
  lost(): void;
}

/** Let the button open and close the microphone. */
export function wireListening(conversation: Conversation): Listening {
  const button = byId<HTMLButtonElement>("listen");
  const microphone = new Microphone();
  button.onclick = () => void press(conversation, microphone, button);
  const lost = (): void => {
    if (microphone.on) void microphone.stop();
    button.setAttribute("aria-pressed", "false");
  };
  const welcomed = (welcome: Welcome): string => {
    lost(); // what was said into the connection of before belongs to no question of this one
    const takes = welcome.input?.speech === true;
    const obstacle = microphoneObstacle();
    toggle(button, takes && !obstacle);
    byId("hint-speech").textContent = (takes && obstacle) || "";
    if (!takes) return "not taken by this human";
    return obstacle ? "not possible here" : "available";
  };
  return { welcome: welcomed, lost };
}

async function press(
  conversation: Conversation,
  microphone: Microphone,
  button: HTMLButtonElement,
): Promise<void> {
  button.disabled = true;
  try {
    if (microphone.on) {
      await microphone.stop();
      conversation.listen("stop");
    } else {
      conversation.interrupt();
      conversation.listen("start");
      await microphone.start((pcm) => conversation.sendSound(pcm));
    }
  } catch (error) {
    await microphone.stop();
    conversation.listen("stop");
    byId("hint-speech").textContent = `The microphone could not be opened: ${String(error)}`;
  }
  button.disabled = false;
  button.setAttribute("aria-pressed", String(microphone.on));
}
