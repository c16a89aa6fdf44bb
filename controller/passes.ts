import { fenced } from '../aws/decorate.ts';
import { classify, type Fault } from '../aws/errors.ts';
import { jitter, type Random } from '../platform/random.ts';
import type { PassResult } from '../reconcilers/outcome.ts';
import type { ReconcilerDeps } from '../reconcilers/pass.ts';
import { reconcile } from '../reconcilers/preview.ts';
import { RetryDelays } from './retry-delays.ts';
import { PRIORITY } from './work-queue.ts';

/** A pass that had overrun its deadline was about to make another mutating call. Transient: the next pass goes on. */
export class PassDeadlineError extends Error {
  override name = 'PassDeadlineError';
}

/** When a key is to be run again, and how urgently. */
export interface Next {
  ms: number;
  priority: number;
}

export interface PassObserver {
  onPass(result: PassResult, ms: number): void;
  /** A pass has reached its deadline; it may still go on for long. */
  onOverrun(): void;
}

export interface PassesDeps {
  reconciler: ReconcilerDeps;
  random: Random;
  /** After this a pass makes no more mutating calls. It is never cut off: its key stays taken until it has truly ended. */
  deadlineMs: number;
  /** Throws when this process may not mutate any more. */
  assertLeader: () => void;
  observer: PassObserver;
}

/** Somebody else wrote first: look again soon, spread out, so that two writers do not chase each other. */
const CONFLICT_MS = 200;

/** Runs passes over single previews, decides what their results mean for the queue, and logs how they end. */
export class Passes {
  readonly #deps: PassesDeps;
  readonly #retries: RetryDelays;

  constructor(deps: PassesDeps) {
    this.#deps = deps;
    this.#retries = new RetryDelays(deps.random);
  }

  /** One pass over `key`; answers when the next one is due, or undefined when only a change can call for it. */
  async run(key: string, priority: number): Promise<Next | undefined> {
    const { clock } = this.#deps.reconciler;
    const start = clock.monotonic();
    const result = await this.#pass(key, start);
    const ms = clock.monotonic() - start;
    this.#deps.observer.onPass(result, ms);
    const next = this.#next(key, priority, result);
    this.#log(result, { id: key, duration_ms: Math.round(ms), ...(next ? { again_ms: next.ms } : {}) });
    return next;
  }

  async #pass(key: string, start: number): Promise<PassResult> {
    const { reconciler, deadlineMs, observer } = this.#deps;
    const { clock, log } = reconciler;
    const cancel = clock.after(deadlineMs, () => {
      observer.onOverrun();
      log.error({ id: key, deadline_ms: deadlineMs }, 'pass overran its deadline');
    });
    try {
      const ports = fenced(reconciler.ports, () => this.#assertMayMutate(start + deadlineMs));
      return await reconcile(key, this.#retries.failures(key), { ...reconciler, ports });
    } catch (error) {
      log.error({ err: error, id: key }, 'pass threw');
      return { kind: 'fault', fault: classify(error) };
    } finally {
      cancel();
    }
  }

  /**
   * The fence before every call that changes AWS. The tables need none: a status write rests on the rev that the pass
   * has read, slots and names on their owner, marks are only ever set, and what a late claim leaves the sweep frees.
   */
  #assertMayMutate(deadline: number): void {
    const { assertLeader, reconciler, deadlineMs } = this.#deps;
    assertLeader();
    if (reconciler.clock.monotonic() >= deadline)
      throw new PassDeadlineError(
        `the pass takes longer than ${deadlineMs} ms; another one goes on from here`,
      );
  }

  #next(key: string, priority: number, result: PassResult): Next | undefined {
    switch (result.kind) {
      case 'finished':
        this.#retries.forget(key);
        return undefined;
      case 'again':
        this.#retries.forget(key);
        // What is being taken away goes first to its end; everything else comes back as a timer, whoever woke it.
        return { ms: result.ms, priority: priority === PRIORITY.deletion ? priority : PRIORITY.timer };
      case 'fault':
        return { ms: this.#retryAfter(key, result.fault), priority };
    }
  }

  #retryAfter(key: string, fault: Fault): number {
    const { random, reconciler } = this.#deps;
    switch (fault.kind) {
      case 'conflict':
        return jitter(random, CONFLICT_MS);
      case 'throttle':
        return this.#retries.next(key);
      case 'transient':
        return fault.reason === 'NotVisible'
          ? this.#retries.next(key, reconciler.config.first_look_ms)
          : this.#retries.next(key);
      case 'capacity':
        return jitter(random, reconciler.config.retry_ms);
      case 'denied':
      case 'invalid':
        return jitter(random, reconciler.config.drift_ms);
    }
  }

  #log(result: PassResult, fields: object): void {
    const { log } = this.#deps.reconciler;
    switch (result.kind) {
      case 'finished':
        log.debug(fields, 'finished preview');
        return;
      case 'again':
        log.debug({ ...fields, reason: result.reason }, 'passed over preview');
        return;
      case 'fault':
        log[result.fault.kind === 'conflict' ? 'debug' : 'warn'](
          { ...fields, ...result.fault },
          'pass failed',
        );
    }
  }
}
