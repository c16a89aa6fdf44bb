import { createHash } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';
import {
  type AugmentedRequest,
  ipKeyGenerator,
  MemoryStore,
  type Options,
  rateLimit,
} from 'express-rate-limit';
import type { Log } from '../platform/log.ts';
import { sendProblem } from './problems.ts';

const FAILURES_A_MINUTE = 10;
/** Look-ups a second for one address that is over its limit, and for all of these together. */
const SPARE_OF_ADDRESS = 1;
const SPARE_OF_ALL = 10;
/** A program that goes on with a token that has ended does not use up what is spared for its neighbours. */
const TRIED_MS = 10_000;
const ALL = 'all';

/**
 * Who fails again and again is answered no more for the rest of the minute, and costs no more reads. An address is often
 * shared: whoever has a good token there that is not remembered yet is looked up out of a small budget.
 */
export class FailureLimit {
  readonly #failures: ReturnType<typeof rateLimit>;
  readonly #spare = storeOf(1_000);
  readonly #tried = storeOf(TRIED_MS);
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(log: Log) {
    this.#failures = rateLimit({
      windowMs: 60_000,
      limit: FAILURES_A_MINUTE,
      standardHeaders: 'draft-8',
      legacyHeaders: false,
      keyGenerator: addressOf,
      // Whether the header is to be believed is decided by `trust proxy`.
      validate: { xForwardedForHeader: false },
      handler: (request, response) => {
        const { used } = (request as AugmentedRequest)['rateLimit'] ?? {};
        if (used === FAILURES_A_MINUTE + 1) log.warn({ ip: request.ip }, 'blocked an address for a minute');
        refuse(response);
      },
    });
  }

  /**
   * Runs `work` when those before it from the same address have ended: else a hundred at once would all be looked up
   * before the first of them has failed. Rejects as `work` does.
   */
  async inTurn<T>(request: Request, work: () => Promise<T>): Promise<T> {
    const address = addressOf(request);
    const mine = (this.#turns.get(address) ?? Promise.resolve()).then(work);
    const ended = Promise.allSettled([mine]);
    this.#turns.set(address, ended);
    try {
      return await mine;
    } finally {
      if (this.#turns.get(address) === ended) this.#turns.delete(address);
    }
  }

  /** Whether the table may be asked for a token that has let nobody in yet. */
  async allowsLookup(request: Request, token: string): Promise<boolean> {
    const address = addressOf(request);
    const failures = (await this.#failures.getKey(address))?.totalHits ?? 0;
    if (failures < FAILURES_A_MINUTE) return true;
    const key = createHash('sha256').update(token).digest('base64');
    if (await this.#tried.get(key)) return false;
    if ((await this.#spare.increment(address)).totalHits > SPARE_OF_ADDRESS) return false;
    if ((await this.#spare.increment(ALL)).totalHits > SPARE_OF_ALL) return false;
    await this.#tried.increment(key);
    return true;
  }

  /** Counts a failure, and answers 429 unless the address may have one more: then `answer` does. */
  async count(request: Request, response: Response, answer: () => void): Promise<void> {
    await (this.#failures as RequestHandler)(request, response, answer);
  }
}

export function refuse(response: Response): void {
  sendProblem(response, {
    status: 429,
    code: 'too_many_failures',
    detail: `more than ${FAILURES_A_MINUTE} requests without a valid token within a minute`,
    hint: 'wait a minute, and check TEMPUS_TOKEN',
  });
}

/** IPv6 addresses count by their /56, which is what one customer is given. */
function addressOf({ ip = '' }: Pick<Request, 'ip'>): string {
  return ipKeyGenerator(ip);
}

function storeOf(windowMs: number): MemoryStore {
  const store = new MemoryStore();
  store.init({ windowMs } as Options);
  return store;
}
