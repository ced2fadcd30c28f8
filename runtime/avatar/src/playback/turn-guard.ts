/** Which turn may sound: what is still under way of a stopped one is dropped. */

export class TurnGuard {
  /** The newest turn that the server named; 0 before the first. */
  current = 0;
  private silenced = 0;
  private asked = 0;
  private pending = false;

  /** A question is on its way; until its turn begins, nothing sounds. */
  get waiting(): boolean {
    return this.pending;
  }

  /** Another session counts its turns anew. */
  restart(): void {
    this.current = this.silenced = 0;
    this.pending = false;
  }

  /**
   * A turn of the server began; true when it shall sound: it is newer than any before, and it
   * answers the last question where one is waiting.
   */
  begin(turn: number, id?: string | null): boolean {
    if (turn <= this.current) return false;
    this.current = turn;
    if (this.pending && id && id !== String(this.asked)) return false;
    this.pending = false;
    return true;
  }

  /** The listener stopped the current turn. */
  silence(): void {
    this.silenced = this.current;
  }

  /** A question is sent: everything up to now is stale. Returns the id to send it with. */
  ask(): string {
    this.silence();
    this.pending = true;
    this.asked += 1;
    return String(this.asked);
  }

  /** Whether media of this turn is to be played. */
  plays(turn: number): boolean {
    return !this.pending && turn === this.current && turn > this.silenced;
  }
}
