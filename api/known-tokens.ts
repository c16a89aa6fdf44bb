import { createHash } from 'node:crypto';
import type { Clock } from '../platform/clock.ts';
import type { Refusal, Scope, Tokens } from '../preview/tokens.ts';

/** Who asks, and what he may. */
export interface Caller {
  owner: string;
  scope: Scope;
}

/** So that the table is not read for every poll. With a second until a stream looks again, less than 30 s. */
const REMEMBERED_MS = 29_000;
const MOST_KNOWN = 1_000;

interface Known {
  caller: Caller;
  /** On the monotonic clock: from then on the table is asked again. */
  until: number;
}

/** Tokens that have let somebody in, by the hash of their text. Those that have not are asked for anew. */
export class KnownTokens {
  readonly #tokens: Pick<Tokens, 'verify'>;
  readonly #clock: Clock;
  readonly #known = new Map<string, Known>();
  readonly #asking = new Map<string, Promise<Caller | Refusal>>();

  constructor(tokens: Pick<Tokens, 'verify'>, clock: Clock) {
    this.#tokens = tokens;
    this.#clock = clock;
  }

  /** Whose token this is, without asking the table; undefined where only the table can tell. */
  recall(text: string): Caller | undefined {
    const known = this.#known.get(hash(text));
    return known && known.until > this.#clock.monotonic() ? known.caller : undefined;
  }

  /** Whether it has let somebody in before, and so is no guess, even where the table has to be asked again. */
  has(text: string): boolean {
    return this.#known.has(hash(text));
  }

  /** Whose token this is, at most 29 s old, or why it lets nobody in. Who asks meanwhile shares the answer. */
  async find(text: string): Promise<Caller | Refusal> {
    const recalled = this.recall(text);
    if (recalled) return recalled;
    const key = hash(text);
    const asking = this.#asking.get(key) ?? this.#ask(text, key).finally(() => this.#asking.delete(key));
    this.#asking.set(key, asking);
    return asking;
  }

  async #ask(text: string, key: string): Promise<Caller | Refusal> {
    const now = this.#clock.now();
    const found = await this.#tokens.verify(text, now);
    this.#known.delete(key);
    if (typeof found === 'string') return found;
    const { owner, scope, expires_at } = found;
    const left = Date.parse(expires_at) - now.getTime();
    const caller = { owner, scope };
    this.#known.set(key, { caller, until: this.#clock.monotonic() + Math.min(REMEMBERED_MS, left) });
    this.#forgetOldest();
    return caller;
  }

  /** A Map keeps the order of insertion, and whoever was asked for again stands at its end. */
  #forgetOldest(): void {
    const [oldest] = this.#known.keys();
    if (this.#known.size > MOST_KNOWN && oldest !== undefined) this.#known.delete(oldest);
  }
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}
