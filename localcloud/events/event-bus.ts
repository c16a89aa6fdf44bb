import { toSeconds, type Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { Random } from '../../platform/random.ts';
import type { Realism } from '../realism/realism.ts';
import type { CloudEvent, Happening } from './event.ts';

export interface EventBusDeps {
  clock: Clock;
  random: Random;
  log: Log;
  /** Where the one rule leads: it takes every event. A rejection has the event delivered again. */
  deliver: (event: CloudEvent) => Promise<unknown>;
  /** AWS's delays, with which events overtake each other, and its duplicates. Absent: neither. */
  realism?: Realism | undefined;
}

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;
/** EventBridge gives an event up after this long. */
const MAX_AGE_MS = 24 * 60 * 60 * 1000;

/** EventBridge's default bus: delivers each event at least once, as long as this process lives. */
export class EventBus {
  readonly #deps: EventBusDeps;
  readonly #deliveries = new Set<Promise<void>>();
  readonly #stopping = new AbortController();

  constructor(deps: EventBusDeps) {
    this.#deps = deps;
  }

  publish(happening: Happening): void {
    if (this.#stopping.signal.aborted) return;
    const { clock, random, realism } = this.#deps;
    const event: CloudEvent = {
      version: '0',
      id: random.uuid(),
      'detail-type': happening['detail-type'],
      source: happening.source,
      account: '000000000000',
      time: toSeconds(clock.now()),
      region: 'us-east-1',
      resources: happening.resources,
      // The model goes on with what it was told of; the event says how it was.
      detail: structuredClone(happening.detail),
    };
    for (let copies = realism?.duplicates() ? 2 : 1; copies > 0; copies -= 1) {
      const delivery = this.#deliver(event).finally(() => this.#deliveries.delete(delivery));
      this.#deliveries.add(delivery);
    }
  }

  /** No delivery runs and none is waited for once this resolves. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#deliveries);
  }

  async #deliver(event: CloudEvent): Promise<void> {
    const { clock, log, deliver, realism } = this.#deps;
    const { signal } = this.#stopping;
    const start = clock.monotonic();
    if (realism) await clock.sleep(realism.delayMs('event'), signal);
    for (let attempt = 0; attempt === 0 || !signal.aborted; attempt += 1) {
      try {
        await deliver(event);
        return;
      } catch (error) {
        const fields = { err: error, event_id: event.id, detail_type: event['detail-type'], attempt };
        if (clock.monotonic() - start > MAX_AGE_MS) {
          log.error(fields, 'gave up on an event');
          return;
        }
        log.warn(fields, 'failed to deliver an event');
        await clock.sleep(Math.min(FIRST_RETRY_MS * 2 ** attempt, LONGEST_RETRY_MS), signal);
      }
    }
  }
}
