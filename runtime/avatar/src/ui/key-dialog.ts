/** Ask for the API key; it goes to the caller's memory and nowhere else. */

import { byId } from "./dom.ts";

/** Open the dialog until a key is entered. `wrong`: the last one was refused. */
export function askKey(wrong: boolean): Promise<string> {
  const dialog = byId<HTMLDialogElement>("key");
  const input = byId<HTMLInputElement>("key-input");
  if (wrong) byId("key-why").textContent = "That key was refused. Try another one.";
  input.value = "";
  dialog.oncancel = (event) => event.preventDefault();
  dialog.showModal();
  input.focus();
  return new Promise((resolve) => {
    dialog.onclose = () => {
      const key = input.value.trim();
      input.value = "";
      if (key) resolve(key);
      else dialog.showModal();
    };
  });
}
