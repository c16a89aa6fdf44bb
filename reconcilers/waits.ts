/** What one more look costs: a whole pass, or next to nothing. */
export type Look = 'whole' | 'cheap';

/** Of the time that has passed, how much passes until the next look. */
const SHARE: Readonly<Record<Look, number>> = { whole: 1, cheap: 1 / 8 };

interface Wait {
  reason: string;
  since: number;
  /** When a whole pass found it last. */
  found: number;
}

/**
 * Since when each preview has waited for the same thing and for nothing else. What AWS makes true by itself mostly takes a
 * second or two and sometimes twenty: so the first look comes soon, and each later one after a share of the time that has
 * passed. Kept in the memory of one leader, as absences are: a new one begins with a look that is soon, and that is all.
 */
export class Waits {
  readonly #waits = new Map<string, Wait>();
  readonly #heard = new Map<string, { mark: string; at: number }>();

  /** A whole pass at `now` has found that `uid` has to wait for `reason`. */
  found(uid: string, reason: string, now: number): void {
    const known = this.#waits.get(uid);
    const since = known?.reason === reason ? known.since : now;
    this.#waits.set(uid, { reason, since, found: now });
  }

  /** Whether a whole pass has found that less than `ms` ago. */
  isFresh(uid: string, reason: string, now: number, ms: number): boolean {
    const known = this.#waits.get(uid);
    return known?.reason === reason && now - known.found < ms;
  }

  /** How many milliseconds after `now` to look again at what `uid` waits for. */
  lookMs(uid: string, look: Look, now: number, { first, most }: { first: number; most: number }): number {
    const since = this.#waits.get(uid)?.since ?? now;
    return Math.ceil(Math.min(most, Math.max(first, (now - since) * SHARE[look])));
  }

  /** When a pass over `uid` came upon this mark of an event first; `now` if that is this one: then looks come soon again. */
  heardAt(uid: string, mark: string, now: number): number {
    const known = this.#heard.get(uid);
    if (known?.mark === mark) return known.at;
    this.#heard.set(uid, { mark, at: now });
    this.#waits.delete(uid);
    return now;
  }

  /** It waits for nothing of the kind any more. */
  forget(uid: string): void {
    this.#waits.delete(uid);
  }

  /** It is on its way out: nothing of it is waited for. */
  close(uid: string): void {
    this.#waits.delete(uid);
    this.#heard.delete(uid);
  }
}
