/** One log event, numbered in the order in which the stream received it. */
export interface StoredEvent {
  seq: number;
  timestamp: number;
  ingestion_time: number;
  message: string;
}

export interface StreamBounds {
  events: number;
  bytes: number;
}

export const STREAM_BOUNDS: StreamBounds = { events: 10_000, bytes: 10 * 1024 * 1024 };

/** AWS counts each event's text and 26 bytes more. */
const EVENT_OVERHEAD = 26;
const MAX_EVENT_BYTES = 256 * 1024;

/** Beyond its bounds a stream drops its oldest tenth, so that not every line rewrites the file. */
const KEPT_AFTER_DROP = 0.9;

/** The newest events of one stream; the numbers of dropped ones are never used again. */
export class StreamEvents {
  readonly #bounds: StreamBounds;
  #events: StoredEvent[];
  #bytes: number;
  #next: number;

  constructor(events: StoredEvent[], bounds: StreamBounds) {
    this.#bounds = bounds;
    this.#events = events;
    this.#bytes = events.reduce((sum, event) => sum + sizeOf(event), 0);
    this.#next = (events.at(-1)?.seq ?? -1) + 1;
  }

  get all(): readonly StoredEvent[] {
    return this.#events;
  }

  get bytes(): number {
    return this.#bytes;
  }

  append(timestamp: number, ingestionTime: number, message: string): StoredEvent {
    const event = { seq: this.#next++, timestamp, ingestion_time: ingestionTime, message: cut(message) };
    this.#events.push(event);
    this.#bytes += sizeOf(event);
    return event;
  }

  /** Drops the oldest events if the stream is over its bounds; tells whether it did. */
  dropOldest(): boolean {
    if (this.#events.length <= this.#bounds.events && this.#bytes <= this.#bounds.bytes) return false;
    let dropped = 0;
    while (
      this.#events.length - dropped > this.#bounds.events * KEPT_AFTER_DROP ||
      this.#bytes > this.#bounds.bytes * KEPT_AFTER_DROP
    ) {
      const oldest = this.#events[dropped];
      if (!oldest) break;
      this.#bytes -= sizeOf(oldest);
      dropped += 1;
    }
    this.#events = this.#events.slice(dropped);
    return true;
  }
}

function sizeOf(event: StoredEvent): number {
  return Buffer.byteLength(event.message) + EVENT_OVERHEAD;
}

function cut(message: string): string {
  const room = MAX_EVENT_BYTES - EVENT_OVERHEAD;
  if (Buffer.byteLength(message) <= room) return message;
  // A character that the cut splits decodes to one replacement character, which is dropped.
  return Buffer.from(message)
    .subarray(0, room)
    .toString('utf8')
    .replace(/\uFFFD$/, '');
}
