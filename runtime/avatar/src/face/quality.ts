/** How fine to draw: less where the machine cannot keep up, decided once in a while. */

const WINDOW = 40;
const SLOW_MS = 28;
const STEPS: readonly { ratio: number; shadows: boolean }[] = [
  { ratio: 2, shadows: true },
  { ratio: 1.5, shadows: true },
  { ratio: 1, shadows: true },
  { ratio: 1, shadows: false },
  { ratio: 0.75, shadows: false },
  { ratio: 0.5, shadows: false },
];

export class Quality {
  private step = 0;
  private readonly gaps: number[] = [];
  private last: number | undefined;

  /** `device`: pixels of the screen for each of the page. */
  constructor(private readonly device: number) {
    while (STEPS[this.step].ratio > Math.max(1, device)) this.step += 1;
  }

  get ratio(): number {
    return Math.min(this.device, STEPS[this.step].ratio);
  }

  get shadows(): boolean {
    return STEPS[this.step].shadows;
  }

  /** Take the time of an animation frame; true when the picture shall be coarser from now on. */
  measure(now: number): boolean {
    if (this.last !== undefined && now - this.last < 500) this.gaps.push(now - this.last);
    this.last = now;
    if (this.gaps.length < WINDOW) return false;
    const typical = this.gaps.sort((a, b) => a - b)[WINDOW >> 1];
    this.gaps.length = 0;
    if (typical < SLOW_MS || this.step === STEPS.length - 1) return false;
    this.step += 1;
    return true;
  }
}
