import type { _Record as StreamRecord } from '@aws-sdk/client-dynamodb-streams';
import { type Clock, toSeconds } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Random } from '../platform/random.ts';
import type { EventLog } from '../preview/event-log.ts';
import { type PreviewEvent, projectEvents } from '../preview/events.ts';
import { imagesOf } from './images.ts';
import { RetryDelays } from './retry-delays.ts';

export interface EventProjectorDeps {
  events: Pick<EventLog, 'append'>;
  clock: Clock;
  random: Random;
  log: Log;
  /** How many events may wait for their table; by default MOST_WAITING. */
  mostWaiting?: number;
  /** Told of events that will never be in the table. */
  onLost?: (events: number) => void;
}

/** Events are some hundred bytes: this is a few megabytes, and hours of an install that is busy. */
const MOST_WAITING = 10_000;
const RETRY = { baseMs: 1_000, maxMs: 30_000 };
/** AWS's: a sequence number has at most 40 digits. Numbers of different lengths do not sort as text. */
const SEQUENCE_DIGITS = 40;
/** Of a stream's label, `2026-01-31T18:00:00.000`. */
const LABEL_DIGITS = 17;

interface Waiting {
  event: PreviewEvent;
  /** Called when this event was the last one of its page. */
  told?: () => void;
}

/**
 * Tells what the stream says as events, in the order of the stream. Whoever reads the stream never waits for it: events
 * that cannot be written yet wait here, and the reader's checkpoint waits with them, so that a crash tells them again.
 * What has no more room, and what the table refuses for good, is lost, counted and logged: the history is for people, and
 * must hold up neither the work nor a shard.
 */
export class EventProjector {
  readonly #deps: EventProjectorDeps;
  readonly #signal: AbortSignal;
  readonly #delays: RetryDelays;
  #waiting: Waiting[] = [];
  #telling = false;

  /** Tells until `signal` aborts; what waits then is told by the next leader, from its checkpoint. */
  constructor(deps: EventProjectorDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
    this.#delays = new RetryDelays(deps.random, RETRY);
  }

  /**
   * Takes records over at once; the promise resolves when all of their events are told or lost, and never rejects. It
   * stays open when `signal` aborts first.
   */
  project(records: readonly StreamRecord[], streamArn: string): Promise<void> {
    const events = records.flatMap((record) => this.#eventsOf(record, streamArn));
    const last = events.pop();
    if (!last) return Promise.resolve();
    return new Promise((told) => {
      for (const event of events) this.#waiting.push({ event });
      this.#waiting.push({ event: last, told });
      this.#makeRoom();
      if (!this.#telling) void this.#tell();
    });
  }

  /** Nothing that a hand has stored may stop a shard, nor may a mistake made here. */
  #eventsOf(record: StreamRecord, streamArn: string): PreviewEvent[] {
    const { SequenceNumber, ApproximateCreationDateTime } = record.dynamodb ?? {};
    if (SequenceNumber === undefined) return [];
    const at = toSeconds(ApproximateCreationDateTime ?? this.#deps.clock.now());
    try {
      const { before, after } = imagesOf(record);
      return projectEvents(before, after, { sequence: placeOf(streamArn, SequenceNumber), at });
    } catch (error) {
      this.#lose(1, { err: error });
      return [];
    }
  }

  async #tell(): Promise<void> {
    const { events, clock, log } = this.#deps;
    this.#telling = true;
    for (let next = this.#waiting[0]; next && !this.#signal.aborted; next = this.#waiting[0]) {
      const { preview_id, type } = next.event;
      try {
        await events.append(next.event);
        this.#delays.forget('append');
      } catch (error) {
        if (!isRefused(error)) {
          log.warn({ err: error, preview_id, type }, 'could not tell an event');
          await clock.sleep(this.#delays.next('append'), this.#signal);
          continue;
        }
        this.#lose(1, { err: error, preview_id, type });
      }
      // It may have had to make room while it was being written.
      if (this.#waiting[0] === next) this.#waiting.shift();
      next.told?.();
    }
    this.#telling = false;
  }

  /** The oldest go first: whoever looks at a history wants to know what happened last. */
  #makeRoom(): void {
    const { mostWaiting = MOST_WAITING } = this.#deps;
    const lost = this.#waiting.splice(0, Math.max(0, this.#waiting.length - mostWaiting));
    if (lost.length === 0) return;
    for (const { told } of lost) told?.();
    this.#lose(lost.length);
  }

  #lose(events: number, fields: object = {}): void {
    this.#deps.onLost?.(events);
    this.#deps.log.warn({ ...fields, events }, 'lost a part of the history');
  }
}

/** DynamoDB's word for an item that it will never take. A missing table or permission can still be mended. */
function isRefused(error: unknown): boolean {
  return error instanceof Error && error.name === 'ValidationException';
}

/**
 * Sequence numbers rise within a stream; a stream that was switched off and on again is another one and counts anew, so
 * its label, the time at which it was switched on, comes first.
 */
function placeOf(streamArn: string, sequenceNumber: string): string {
  const label = streamArn.slice(streamArn.lastIndexOf('/') + 1).replaceAll(/\D/g, '');
  return `${label.slice(0, LABEL_DIGITS).padEnd(LABEL_DIGITS, '0')}.${sequenceNumber.padStart(SEQUENCE_DIGITS, '0')}`;
}
