import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { jitter, type Random } from '../platform/random.ts';
import type { PreviewRow } from '../preview/record.ts';
import { hashSpec } from '../preview/spec.ts';
import type { PreviewStore } from '../preview/store.ts';

export interface ResyncDeps {
  store: PreviewStore;
  clock: Clock;
  random: Random;
  log: Log;
  /** Rows that are not as they should be: what a crash has lost of the timers in memory. */
  unsettledMs: number;
  /** Every live row. */
  fullMs: number;
  onRow: (row: PreviewRow) => void;
}

/** Pause after a list that failed: a list that is incomplete is no list. */
const RETRY_MS = 2_000;

/** A row with work left, as far as the record itself can tell. */
export function isUnsettled({ phase, spec, status }: PreviewRow): boolean {
  return phase !== 'Ready' || status.observed_spec !== hashSpec(spec);
}

/**
 * The lists that make the stream dispensable: everything at the start and after every gap, then unsettled rows often
 * and all rows now and then.
 */
export class Resync {
  readonly #deps: ResyncDeps;
  #wanted = new AbortController();
  #full = true;

  constructor(deps: ResyncDeps) {
    this.#deps = deps;
  }

  /** Asks for a full list now: records were lost. */
  request(): void {
    this.#full = true;
    this.#wanted.abort();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, log, unsettledMs, fullMs } = this.#deps;
    let fullAt = clock.monotonic();
    while (!signal.aborted) {
      this.#wanted = new AbortController();
      const full = this.#full || clock.monotonic() >= fullAt;
      try {
        this.#full = false;
        await this.#list(full);
        if (full) fullAt = clock.monotonic() + jitter(random, fullMs);
      } catch (error) {
        this.#full ||= full;
        log.warn({ err: error }, 'could not list the previews');
        await clock.sleep(RETRY_MS, signal);
        continue;
      }
      await clock.sleep(jitter(random, unsettledMs), AbortSignal.any([signal, this.#wanted.signal]));
    }
  }

  async #list(full: boolean): Promise<void> {
    let listed = 0;
    for await (const row of this.#deps.store.live()) {
      if (!full && !isUnsettled(row)) continue;
      listed += 1;
      this.#deps.onRow(row);
    }
    this.#deps.log.debug({ full, listed }, 'listed previews');
  }
}
