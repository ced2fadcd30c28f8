/** What follows when a connection ends: pure decisions on close codes and attempts. */

export type Next =
  | { kind: "ended" }
  | { kind: "resume"; wait: number }
  | { kind: "renew"; wait: number }
  | { kind: "stop"; message: string; button: string };

export interface Lost {
  code: number;
  /** How many connections failed in a row before this one. */
  attempt: number;
  resumable: boolean;
  /** The hello that was refused wanted to take a session up again, not to begin one. */
  resumed: boolean;
  /** Seconds that the last error asked to wait. */
  retryAfter?: number | null;
  /** 0..1, spreads clients that were lost together. */
  jitter: number;
}

const FIRST_WAIT = 0.4;
const LONGEST_WAIT = 10;

/** Seconds before another try: exponential, at most ten, spread by half. */
export function backoff(attempt: number, jitter: number): number {
  const full = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** Math.min(attempt, 10));
  return full * (0.5 + 0.5 * jitter);
}

/** Decide by the close code of the protocol page what to do next. */
export function afterClose(lost: Lost): Next {
  switch (lost.code) {
    case 1000:
      return { kind: "ended" };
    case 4000:
      return { kind: "stop", message: "The connection was closed for an error.", button: "Connect again" };
    case 4001:
      return { kind: "stop", message: "This conversation goes on in another window.", button: "Take it back" };
    case 4002:
      return { kind: "stop", message: "The conversation ended after a long silence.", button: "Start again" };
    case 4003:
      return { kind: "renew", wait: refusedAgain(lost) ? backoff(lost.attempt, lost.jitter) : 0 };
    default:
      return again(lost);
  }
}

/** A server that knows a session no more is there: a new one needs no patience. */
function refusedAgain({ attempt, resumed }: Lost): boolean {
  return attempt > 0 && !resumed;
}

/** Whether the session may still be there: after a fault, the process that had it goes on. */
export function survives(code: number, resumable: boolean): boolean {
  return resumable || code === 1006 || code === 1011;
}

function again(lost: Lost): Next {
  const planned = lost.code === 1012 && lost.attempt === 0;
  const wait = Math.max(lost.retryAfter ?? 0, planned ? 0 : backoff(lost.attempt, lost.jitter));
  return { kind: lost.resumable ? "resume" : "renew", wait };
}
