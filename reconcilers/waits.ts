/**
 * Since when each preview has waited for the same thing, without a break. What AWS makes true by itself mostly takes a
 * second or two and sometimes twenty: so the first look comes soon, and each later one after half of the time that has
 * passed. Kept in the memory of one leader, as absences are: a new one begins with a look that is soon, and that is all.
 */
export class Waits {
  readonly #waits = new Map<string, { reason: string; since: number }>();

  /** How many milliseconds after `now` to look again at what `uid` waits for because of `reason`. */
  lookMs(uid: string, reason: string, now: number, { first, most }: { first: number; most: number }): number {
    const known = this.#waits.get(uid);
    const since = known?.reason === reason ? known.since : now;
    this.#waits.set(uid, { reason, since });
    return Math.ceil(Math.min(most, Math.max(first, (now - since) / 2)));
  }

  /** It waits for nothing of the kind any more. */
  forget(uid: string): void {
    this.#waits.delete(uid);
  }
}
