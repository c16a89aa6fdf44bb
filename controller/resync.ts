import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { jitter, type Random } from '../platform/random.ts';
import { isDue } from '../preview/expiry.ts';
import { hashSpec } from '../preview/spec.ts';
import type { PreviewRow } from '../preview/record.ts';
import type { PreviewStore } from '../preview/store.ts';
import { Survey } from './survey.ts';

/**
 * Why a list names a row.
 *
 * - full: every row is looked at now and then, whatever is known of it
 * - changed: somebody else has written it since the list before
 * - unsettled: it has work left, which a timer of this process may already be about
 */
export type ListReason = 'full' | 'changed' | 'unsettled';

export interface ResyncDeps {
  store: PreviewStore;
  clock: Clock;
  random: Random;
  log: Log;
  /** Rows with work left, and rows that changed unseen: what a crash has lost of timers, and what the stream has lost. */
  unsettledMs: number;
  /** Every live row. */
  fullMs: number;
  onRow: (row: PreviewRow, reason: ListReason) => void;
  /** Sees every list that was complete. */
  onListed?: (survey: Survey, full: boolean) => void;
}

/** What was seen of a row in the list before. */
interface Sighting {
  rev: number;
  phase: string;
  desired: string;
}

/** Pause after a list that failed: a list that is incomplete is no list. */
const RETRY_MS = 2_000;

/** A row with work left, as far as the record itself can tell. */
export function isUnsettled({ phase, spec, status, expires_at }: PreviewRow, now: Date): boolean {
  return phase !== 'Ready' || isDue(expires_at, now) || status.observed_spec !== hashSpec(spec);
}

/**
 * The lists that make the stream dispensable: everything at the start and after every gap, then what needs a look
 * often, and all rows now and then.
 */
export class Resync {
  readonly #deps: ResyncDeps;
  #wanted = new AbortController();
  #full = true;
  #sightings: ReadonlyMap<string, Sighting> = new Map();

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
    const { store, clock, log, onRow, onListed } = this.#deps;
    const now = clock.now();
    const survey = new Survey(now);
    const sightings = new Map<string, Sighting>();
    let named = 0;
    for await (const row of store.live()) {
      const sighting = see(row, now);
      const reason = full ? 'full' : this.#reason(row, sighting, now);
      sightings.set(row.id, sighting);
      survey.add(row);
      if (!reason) continue;
      named += 1;
      onRow(row, reason);
    }
    this.#sightings = sightings;
    onListed?.(survey, full);
    log.debug({ full, listed: sightings.size, named }, 'listed previews');
  }

  /** The controller's own writes raise rev and leave desired state alone: they are no reason to look. */
  #reason(row: PreviewRow, { rev, phase, desired }: Sighting, now: Date): ListReason | undefined {
    const before = this.#sightings.get(row.id);
    const phased = before?.phase !== phase && before?.rev === rev;
    if (before && (before.desired !== desired || phased)) return 'changed';
    return isUnsettled(row, now) ? 'unsettled' : undefined;
  }
}

function see(row: PreviewRow, now: Date): Sighting {
  const { status, phase, spec, ttl_hours, expires_at, nudge } = row;
  // That a row has become due is a change, though nobody wrote it. Keys in another order would look like one too, which
  // costs a pass and is rare; putting them in order would cost more, for every row of every list.
  const desired = JSON.stringify([spec, ttl_hours, expires_at, nudge, isDue(expires_at, now)]);
  return { rev: status.rev, phase, desired };
}
