/**
 * Since when each preview in teardown has been seen wholly absent, without a break. Kept in the memory of one leader and
 * on its monotonic clock: a wall clock that steps must not shorten the grace, and a leader that was not there must not
 * count what another one saw. A new leader looks twice anew, which costs one grace and nothing else.
 */
export class Absences {
  readonly #since = new Map<string, number>();

  /** Notes that everything of `uid` was absent at `now`; answers for how many milliseconds it has been so. */
  seen(uid: string, now: number): number {
    const since = this.#since.get(uid) ?? now;
    this.#since.set(uid, since);
    return now - since;
  }

  /** Something was there after all, or the record is closed. */
  forget(uid: string): void {
    this.#since.delete(uid);
  }
}
