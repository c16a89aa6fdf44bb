import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { EventProjector } from '../controller/event-projector.ts';
import { silentLog as log } from '../platform/log.ts';
import { draftPreview } from '../preview/draft.ts';
import { EventLog } from '../preview/event-log.ts';
import { projectEvents } from '../preview/events.ts';
import type { PreviewRow } from '../preview/record.ts';
import { PreviewStore } from '../preview/store.ts';
import { eventsTable, previewsTable } from '../preview/tables.ts';
import { ManualClock } from './fakes/clock.ts';
import { MemoryDatabase } from './sim/database/memory-database.ts';
import { SeededRandom } from './sim/random.ts';

const UID = '0badcafe-0000-4000-8000-000000000000';
const spec = {
  image: 'acme/web:1',
  port: 8080,
  cpu: 256,
  memory: 512,
  env: { TOKEN: 'canary' },
  health_path: '/',
  health_codes: '200',
} as const;
const row = (): PreviewRow =>
  draftPreview(
    { preview_id: UID, owner: 'local', labels: {}, source: {}, spec: { ...spec }, ttl_hours: 2, urls: [] },
    new Date('2026-01-01T00:00:00Z'),
  );

describe('the history of a preview', () => {
  const clock = new ManualClock();
  const random = new SeededRandom('projector');
  let database: MemoryDatabase;
  let store: PreviewStore;
  let events: EventLog;

  beforeEach(() => {
    database = new MemoryDatabase({ clock, random: new SeededRandom('events') });
    database.createTable(previewsTable('previews'));
    database.createTable(eventsTable('events'));
    store = new PreviewStore({ client: database.document, table: 'previews' });
    events = new EventLog({ client: database.document, table: 'events' });
  });

  /** Reads the whole stream from its beginning, as a new leader without checkpoints would. */
  async function readStream(log_: EventLog = events): Promise<void> {
    const { Table } = await database.dynamodb.describeTable({ TableName: 'previews' });
    const StreamArn = Table!.LatestStreamArn!;
    const { StreamDescription } = await database.streams.describeStream({ StreamArn });
    for (const { ShardId } of StreamDescription!.Shards!) {
      const at = { StreamArn, ShardId, ShardIteratorType: 'TRIM_HORIZON' as const };
      const { ShardIterator } = await database.streams.getShardIterator(at);
      const { Records = [] } = await database.streams.getRecords({ ShardIterator });
      const projector = new EventProjector({ events: log_, clock, random, log }, new AbortController().signal);
      await projector.project(Records, StreamArn);
    }
  }

  const types = async () =>
    (await events.read(UID, { limit: 100 })).items.map(({ type, by }) => `${type} ${by}`);

  async function aLife(): Promise<void> {
    await store.create(row());
    const read = (await store.get(UID))!;
    const resources = { 'service#tempus-0badcafe': { created_at: '2026-01-01T00:00:05Z' } };
    await store.writeStatus(read, { phase: 'Provisioning', status: { ...read.status, resources } });
    await database.document.update({
      TableName: 'previews',
      Key: { id: read.id },
      UpdateExpression: 'SET spec.env.#name = :secret',
      ExpressionAttributeNames: { '#name': 'TOKEN' },
      ExpressionAttributeValues: { ':secret': 'another canary' },
    });
    await store.requestDeletion(read, {
      requested_at: '2026-01-01T01:00:00Z',
      reason: 'Requested',
      by: 'ada',
    });
  }

  test('tells who did what, edits by hand included, and never what an environment variable holds', async () => {
    await aLife();
    await readStream();
    expect(await types()).toEqual([
      'Created api',
      'PhaseChanged controller',
      'ResourceCreated controller',
      'SpecEdited operator',
      'DeletionRequested api',
      'PhaseChanged api',
    ]);
    const { items } = await events.read(UID, { limit: 100 });
    expect(items[3]?.message).toBe('changed spec.env.TOKEN');
    expect(JSON.stringify(items)).not.toContain('canary');
  });

  test('a stream that is read twice tells everything once', async () => {
    await aLife();
    await readStream();
    const once = await types();
    await readStream();
    expect(await types()).toEqual(once);
  });

  test('pages follow each other without a gap', async () => {
    await aLife();
    await readStream();
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const page = await events.read(UID, { limit: 2, cursor: after });
      seen.push(...page.items.map(({ sequence }) => sequence));
      after = page.next;
    } while (after !== undefined);
    expect(seen).toHaveLength(6);
    expect(seen).toEqual(seen.toSorted());
  });
});

test('whatever a hand stores, no value of an environment variable gets into an event', () => {
  const value = fc.string({ minLength: 12 }).map((text) => `canary-${text}`);
  const env = fc.dictionary(fc.constantFrom('A', 'B', 'TOKEN'), value);
  fc.assert(
    fc.property(env, env, fc.boolean(), (one, two, broken) => {
      const before = { ...row(), spec: { ...spec, env: one } };
      const after = { ...row(), spec: broken ? ('canary-text' as never) : { ...spec, env: two } };
      const told = projectEvents(before, after, { sequence: '1', at: '2026-01-01T00:00:00Z' });
      expect(JSON.stringify(told)).not.toContain('canary-');
    }),
  );
});
