import { type FilteredLogEvent, ResourceNotFoundException } from '@aws-sdk/client-cloudwatch-logs';
import type { LogsPort } from '../aws/ports.ts';
import { logStreamPrefix } from '../preview/names.ts';

export interface LogLine {
  timestamp: string;
  /** The last parts of the log stream: which container of which task wrote it. */
  container: string;
  task: string;
  message: string;
}

export interface LogTailDeps {
  logs: Pick<LogsPort, 'filterLogEvents'>;
  log_group: string;
}

/** Lines are read again from this long before the newest one: CloudWatch shows late what was written early. */
const OVERLAP_MS = 5_000;

/** The lines of one preview, read page by page. A line is delivered once, also when it shows up late. */
export class LogTail {
  readonly #deps: LogTailDeps;
  readonly #prefix: string;
  #from: number | undefined;
  /** Ids of delivered events that the overlap will show again, with their times. */
  #seen = new Map<string, number>();

  constructor(id: string, since: Date | undefined, deps: LogTailDeps) {
    this.#deps = deps;
    this.#prefix = logStreamPrefix(id);
    this.#from = since?.getTime();
  }

  /** Everything that is new since the last read, in the order of its time. */
  async read(): Promise<LogLine[]> {
    const events = await this.#fetch();
    const fresh = events.filter(({ eventId = '' }) => !this.#seen.has(eventId));
    for (const { eventId = '', timestamp = 0 } of fresh) this.#seen.set(eventId, timestamp);
    const newest = Math.max(this.#from ?? 0, ...fresh.map(({ timestamp = 0 }) => timestamp - OVERLAP_MS));
    if (fresh.length > 0) {
      this.#from = newest;
      this.#seen = new Map([...this.#seen].filter(([, timestamp]) => timestamp >= newest));
    }
    return fresh.map(({ timestamp = 0, logStreamName = '', message = '' }) => {
      const [container = '', task = ''] = logStreamName.split('/').slice(-2);
      return { timestamp: new Date(timestamp).toISOString(), container, task, message };
    });
  }

  async #fetch(): Promise<FilteredLogEvent[]> {
    const events: FilteredLogEvent[] = [];
    let nextToken: string | undefined;
    try {
      do {
        const page = await this.#deps.logs.filterLogEvents({
          logGroupName: this.#deps.log_group,
          logStreamNamePrefix: this.#prefix,
          ...(this.#from === undefined ? {} : { startTime: this.#from }),
          ...(nextToken === undefined ? {} : { nextToken }),
        });
        events.push(...(page.events ?? []));
        nextToken = page.nextToken;
      } while (nextToken !== undefined);
    } catch (error) {
      // No stream has been made yet: the preview has not written anything.
      if (!(error instanceof ResourceNotFoundException)) throw error;
    }
    return events;
  }
}
