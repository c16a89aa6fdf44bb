import { DynamoDBDocument } from '@aws-sdk/lib-dynamodb';
import { beforeEach } from 'vitest';
import { type Clock, systemClock } from '../platform/clock.ts';
import { EventLog } from '../preview/event-log.ts';
import type { PreviewEvent } from '../preview/events.ts';
import type { PreviewRow } from '../preview/record.ts';
import { eventsTable } from '../preview/tables.ts';
import { type ApiWorld, useApi } from './api-world.ts';

/** What waits a second waits a few moments. */
export const hurried: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(ms / 25, signal),
};

export const AT = '2026-01-01T00:00:00Z';
export const place = (n: number) => `20260101000000000.${String(n).padStart(40, '0')}.000`;

/** An API with a history behind it. */
export class EventWorld {
  readonly api: ApiWorld;
  client!: DynamoDBDocument;
  events!: EventLog;

  constructor(api: ApiWorld) {
    this.api = api;
  }

  async open(): Promise<void> {
    const { aws } = this.api;
    this.client = DynamoDBDocument.from(aws.dynamodb, { marshallOptions: { removeUndefinedValues: true } });
    await aws.dynamodb.createTable(eventsTable('events'));
    this.events = this.logOf(EventLog);
    await this.api.serveAnew({ events: this.events, clock: hurried });
  }

  logOf(Log: typeof EventLog): EventLog {
    return new Log({ client: this.client, table: 'events' });
  }

  create = async (): Promise<PreviewRow> => {
    const { preview_id } = (await this.api.post({ env: { TOKEN: 'canary-one' } })).json();
    return (await this.api.store.get(preview_id))!;
  };

  /** Appends the n-th event of a history. */
  tell = (preview_id: string, n: number, type: PreviewEvent['type'] = 'Nudged'): Promise<void> =>
    this.events.append({ preview_id, sequence: place(n), at: AT, type, message: `the ${n}th`, by: 'api' });
}

export function useEvents(): EventWorld {
  const world = new EventWorld(useApi());
  beforeEach(() => world.open());
  return world;
}
