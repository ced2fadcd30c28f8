/** Notices a connection that is dead although nobody closed it; no browser tells a page of that. */

/** A server that says nothing for so long is asked whether it is there. */
const ASK_MS = 5000;
/** One that does not answer for so long is not. */
const LEAVE_MS = 10000;
/** Of a longer step only so much counts: a page that slept has not listened meanwhile. */
const LONGEST_STEP_MS = 2000;

export class Silence {
  private quiet = 0;
  private asked = false;

  constructor(private last: number) {}

  /** Something came. */
  end(): void {
    this.quiet = 0;
    this.asked = false;
  }

  /** Call it every second: what to do about a silence that lasts. */
  pass(now: number): "wait" | "ask" | "leave" {
    this.quiet += Math.min(now - this.last, LONGEST_STEP_MS);
    this.last = now;
    if (this.quiet >= ASK_MS + LEAVE_MS) return "leave";
    if (this.asked || this.quiet < ASK_MS) return "wait";
    this.asked = true;
    return "ask";
  }
}
