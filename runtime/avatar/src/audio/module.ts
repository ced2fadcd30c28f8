/** The code of the audio thread, which comes from the server: a line that is dead must not hold it. */

const TIMEOUT_MS = 8000;

/** Load a module into the audio thread; rejects where the browser refuses it or it does not come. */
export async function addModule(context: AudioContext, url: string): Promise<void> {
  let timer: number | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = window.setTimeout(() => reject(new Error(`${url} did not come`)), TIMEOUT_MS);
  });
  try {
    await Promise.race([context.audioWorklet.addModule(url), late]);
  } finally {
    window.clearTimeout(timer);
  }
}
