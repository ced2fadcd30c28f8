/** How fine to draw: less where the machine cannot keep up, decided once in a while. */

/** Milliseconds that are watched before a decision, and a typical frame that is too slow. */
const WATCHED_MS = 1500;
const SLOW_MS = 28;
/** The coarsest picture is ugly: only where the one before it would stand still. */
const VERY_SLOW_MS = 140;
/** A longer gap is a hidden page, not a slow machine. */
const PAUSE_MS = 3000;

export interface Step {
  /** Pixels drawn for each of the page. */
  ratio: number;
  shadows: boolean;
  /** Simple materials, without reflections. */
  plain: boolean;
}

export const STEPS: readonly Step[] = [
  { ratio: 2, shadows: true, plain: false },
  { ratio: 1.5, shadows: true, plain: false },
  { ratio: 1, shadows: true, plain: false },
  { ratio: 1, shadows: false, plain: false },
  { ratio: 0.75, shadows: false, plain: true },
  { ratio: 0.5, shadows: false, plain: true },
  { ratio: 0.35, shadows: false, plain: true },
];
/** Where machines begin that draw by the processor. */
const SOFTWARE_STEP = 5;

export class Quality {
  private number: number;
  private gaps: number[] = [];
  private watched = 0;
  private last: number | undefined;

  /**
   * `device`: pixels of the screen for each of the page. `software`: no graphics processor.
   * `pinned`: a step by its number, which is kept however slow it is.
   */
  constructor(
    private readonly device: number,
    software = false,
    private readonly pinned?: number,
  ) {
    this.number = pinned ?? (software ? SOFTWARE_STEP : 0);
    if (pinned !== undefined) return;
    while (STEPS[this.number].ratio > Math.max(1, device)) this.number += 1;
  }

  get step(): Step {
    const step = STEPS[this.number];
    return { ...step, ratio: this.pinned === undefined ? Math.min(this.device, step.ratio) : step.ratio };
  }

  /** Take the time of an animation frame; true when the picture shall be coarser from now on. */
  measure(now: number): boolean {
    const gap = this.last === undefined ? 0 : now - this.last;
    this.last = now;
    if (this.pinned !== undefined || gap <= 0 || gap > PAUSE_MS) return false;
    this.gaps.push(gap);
    this.watched += gap;
    if (this.watched < WATCHED_MS) return false;
    const typical = [...this.gaps].sort((a, b) => a - b)[this.gaps.length >> 1];
    this.gaps = [];
    this.watched = 0;
    const next = this.number + 1;
    if (next === STEPS.length || typical < (next === STEPS.length - 1 ? VERY_SLOW_MS : SLOW_MS)) return false;
    this.number = next;
    return true;
  }
}

/** Step that the page's address asks for (?quality=0 is the finest); undefined where it does not. */
export function pinnedQuality(search: string): number | undefined {
  const asked = new URLSearchParams(search).get("quality");
  const number = Number(asked);
  return asked !== null && Number.isInteger(number) && number in STEPS ? number : undefined;
}
