/**
 * Since when each preview in teardown has been seen wholly absent, without a break. Kept in the memory of one leader and
 * on its monotonic clock: a wall clock that steps must not shorten the grace, and a leader that was not there must not
 * count what another one saw. A new leader looks twice anew, which costs one grace and nothing else.
 */
export class Absences {
  readonly #since = new Map<string, number>();
  readonly #unrouted = new Map<string, number>();

  /** Notes that everything of `uid` was absent at `now`; answers for how many milliseconds it has been so. */
  seen(uid: string, now: number): number {
    const since = this.#since.get(uid) ?? now;
    this.#since.set(uid, since);
    return now - since;
  }

  /** Something was there after all. */
  forget(uid: string): void {
    this.#since.delete(uid);
  }

  /** The record is closed: nobody asks again. */
  close(uid: string): void {
    this.#since.delete(uid);
    this.#unrouted.delete(uid);
  }

  /** Notes that the rules of `uid` went at `now`: from then on no new request comes to it. The first time counts. */
  unrouted(uid: string, now: number): void {
    if (!this.#unrouted.has(uid)) this.#unrouted.set(uid, now);
  }

  /** For how many milliseconds no new request has come; for ever where this leader has not seen the rules go. */
  unroutedFor(uid: string, now: number): number {
    return now - (this.#unrouted.get(uid) ?? -Infinity);
  }
}
