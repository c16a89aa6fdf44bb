/** A line of a log as the API sends it to programs. */
export interface LogLine {
  timestamp: string;
  container: string;
  task: string;
  message: string;
}

/** CloudWatch shows late what was written early. The API looks back as far. */
const OVERLAP_MS = 5_000;

interface Seen {
  at: number;
  /** How many lines that look like this came on earlier connections, and on this one. */
  before: number;
  now: number;
}

/**
 * Where a log that is followed goes on after a cut. What is asked again overlaps with what was seen, so lines are counted:
 * of those that look alike, only as many are new as there are more than before. A line that turns up more than 5 s late,
 * and behind a cut, is lost.
 */
export class LogResume {
  /** In the order in which they came, those that the overlap can show again. */
  readonly #seen = new Map<string, Seen>();
  /** Whatever is older was left out on purpose. */
  #first: number | undefined;
  #newest: number | undefined;
  readonly #isBounded: boolean;

  constructor({ isBounded }: { isBounded: boolean }) {
    this.#isBounded = isBounded;
  }

  /** Where the next connection has to begin, in the whole seconds that `since` takes; undefined before there was a line. */
  get since(): string | undefined {
    const from = this.#from();
    return from === undefined ? undefined : new Date(from).toISOString();
  }

  /** Nothing older than this is wanted. */
  startAt(instant: number): void {
    this.#first ??= instant;
    this.#newest ??= instant;
  }

  reconnect(): void {
    for (const seen of this.#seen.values()) {
      seen.before = Math.max(seen.before, seen.now);
      seen.now = 0;
    }
  }

  /** Whether a line was not there on an earlier connection. */
  isNew({ timestamp, container, task, message }: LogLine): boolean {
    const at = Date.parse(timestamp);
    if (this.#isBounded) this.#first ??= at;
    if (at < (this.#first ?? at)) return false;
    const key = JSON.stringify([timestamp, container, task, message]);
    const seen = this.#seen.get(key) ?? { at, before: 0, now: 0 };
    seen.now += 1;
    this.#seen.set(key, seen);
    this.#newest = Math.max(this.#newest ?? at, at);
    this.#forget();
    return seen.now > seen.before;
  }

  #from(): number | undefined {
    return this.#newest === undefined ? undefined : Math.floor((this.#newest - OVERLAP_MS) / 1000) * 1000;
  }

  #forget(): void {
    const from = this.#from() ?? 0;
    for (const [key, { at }] of this.#seen) {
      if (at >= from) return;
      this.#seen.delete(key);
    }
  }
}
