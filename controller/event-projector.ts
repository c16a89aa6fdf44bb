import type { _Record as StreamRecord } from '@aws-sdk/client-dynamodb-streams';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { type Clock, toSeconds } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { EventLog } from '../preview/event-log.ts';
import { projectEvents } from '../preview/events.ts';

export interface EventProjectorDeps {
  events: EventLog;
  clock: Clock;
  log: Log;
}

/** A page that cannot be told is tried so often; then the shard goes on without it. */
const TRIES = 5;
const PAUSE_MS = 1_000;

/**
 * Tells what the stream says as events. It is called after everybody has been woken: history must not delay the work.
 * An events table that does not answer holds up its shard for some seconds and no longer; what is lost then is a line of
 * history, and it is logged.
 */
export class EventProjector {
  readonly #deps: EventProjectorDeps;

  constructor(deps: EventProjectorDeps) {
    this.#deps = deps;
  }

  async project(records: readonly StreamRecord[]): Promise<void> {
    for (const record of records) await this.#tell(record);
  }

  async #tell({ dynamodb }: StreamRecord): Promise<void> {
    const { clock, events, log } = this.#deps;
    const { OldImage, NewImage, SequenceNumber, ApproximateCreationDateTime } = dynamodb ?? {};
    if (SequenceNumber === undefined) return;
    const at = toSeconds(ApproximateCreationDateTime ? new Date(ApproximateCreationDateTime) : clock.now());
    const told = projectEvents(OldImage && unmarshall(OldImage), NewImage && unmarshall(NewImage), {
      sequence: SequenceNumber,
      at,
    });
    for (const event of told) {
      for (let tries = 1; ; tries += 1) {
        try {
          await events.append(event);
          break;
        } catch (error) {
          log.warn(
            { err: error, preview_id: event.preview_id, type: event.type, tries },
            'could not tell an event',
          );
          if (tries >= TRIES) break;
          await clock.sleep(PAUSE_MS * 2 ** (tries - 1));
        }
      }
    }
  }
}
