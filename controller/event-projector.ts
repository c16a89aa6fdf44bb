import type { _Record as StreamRecord } from '@aws-sdk/client-dynamodb-streams';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { type Clock, toSeconds } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { EventLog } from '../preview/event-log.ts';
import { type PreviewEvent, projectEvents } from '../preview/events.ts';

export interface EventProjectorDeps {
  events: EventLog;
  clock: Clock;
  log: Log;
}

/** A page waits so long for the events table in all; then the shard goes on without what is left of it. */
const PATIENCE_MS = 15_000;
const PAUSE_MS = 1_000;

/**
 * Tells what the stream says as events. It is called after everybody has been woken: history must not delay the work.
 * An events table that does not answer holds up each page for some seconds and no longer; what is lost then is lines of
 * history, and they are counted in the log.
 */
export class EventProjector {
  readonly #deps: EventProjectorDeps;

  constructor(deps: EventProjectorDeps) {
    this.#deps = deps;
  }

  /** Rejects when `signal` aborts before the page is told: whoever reads the stream next has to tell it. */
  async project(records: readonly StreamRecord[], signal?: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps;
    const until = clock.monotonic() + PATIENCE_MS;
    for (const [n, record] of records.entries()) {
      if (await this.#tell(record, until, signal)) continue;
      log.warn({ records: records.length - n }, 'left out a part of the history');
      return;
    }
  }

  /** False when patience has run out. */
  async #tell({ dynamodb }: StreamRecord, until: number, signal?: AbortSignal): Promise<boolean> {
    const { OldImage, NewImage, SequenceNumber, ApproximateCreationDateTime } = dynamodb ?? {};
    if (SequenceNumber === undefined) return true;
    const at = toSeconds(
      ApproximateCreationDateTime ? new Date(ApproximateCreationDateTime) : this.#deps.clock.now(),
    );
    const told = projectEvents(OldImage && unmarshall(OldImage), NewImage && unmarshall(NewImage), {
      sequence: SequenceNumber,
      at,
    });
    for (const event of told) if (!(await this.#append(event, until, signal))) return false;
    return true;
  }

  async #append(event: PreviewEvent, until: number, signal?: AbortSignal): Promise<boolean> {
    const { clock, events, log } = this.#deps;
    for (let pause = PAUSE_MS; ; pause *= 2) {
      try {
        await events.append(event);
        return true;
      } catch (error) {
        const { preview_id, type } = event;
        log.warn({ err: error, preview_id, type }, 'could not tell an event');
      }
      if (clock.monotonic() + pause > until) return false;
      await clock.sleep(pause, signal);
      signal?.throwIfAborted();
    }
  }
}
