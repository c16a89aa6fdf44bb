import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { PreviewRow } from '../preview/record.ts';
import type { PreviewStore } from '../preview/store.ts';

export interface SharedRecordsDeps {
  store: Pick<PreviewStore, 'get'>;
  clock: Clock;
  log: Log;
}

/** A record as it is in the table, or that the table could not be asked. */
export type Read = { row: PreviewRow | undefined } | 'unreadable';

const SHARED_MS = 1_000;
const MOST = 1_000;

/**
 * Reads each record at most once at a time and once a second, whoever asks for it how often: a storm of reloads is one
 * read, and a table that fails is one line in the log.
 */
export class SharedRecords {
  readonly #deps: SharedRecordsDeps;
  readonly #reads = new Map<string, { read: Promise<Read>; settledAt: number | undefined }>();

  constructor(deps: SharedRecordsDeps) {
    this.#deps = deps;
  }

  read(id: string): Promise<Read> {
    const { clock } = this.#deps;
    const before = this.#reads.get(id);
    if (before && (before.settledAt === undefined || clock.monotonic() - before.settledAt < SHARED_MS))
      return before.read;
    if (this.#reads.size >= MOST) this.#reads.clear();
    const entry: { read: Promise<Read>; settledAt: number | undefined } = {
      read: this.#ask(id).finally(() => (entry.settledAt = clock.monotonic())),
      settledAt: undefined,
    };
    this.#reads.set(id, entry);
    return entry.read;
  }

  async #ask(id: string): Promise<Read> {
    try {
      return { row: await this.#deps.store.get(id) };
    } catch (error) {
      this.#deps.log.error({ err: error, id }, 'the waiting room could not read a record');
      return 'unreadable';
    }
  }
}
