import { DynamoDBDocument } from '@aws-sdk/lib-dynamodb';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { expireDue } from '../lambda/expire.ts';
import { silentLog as log } from '../platform/log.ts';
import { Coordination } from '../preview/coordination.ts';
import { draftPreview } from '../preview/draft.ts';
import { MAIN } from '../preview/endpoints.ts';
import type { PreviewRow } from '../preview/record.ts';
import { PreviewStore } from '../preview/store.ts';
import { coordinationTable, previewsTable } from '../preview/tables.ts';
import { type Claim, claimSlots, releaseSlots } from '../reconcilers/slots.ts';
import type { AlbConfig, ReconcilerConfig } from '../reconcilers/config.ts';
import { Endpoint } from './contract/dynamodb-endpoint.ts';
import { ManualClock } from './fakes/clock.ts';

let aws: Endpoint;
let client: DynamoDBDocument;
let store: PreviewStore;
let coordination: Coordination;

beforeEach(async () => {
  aws = await Endpoint.open();
  client = DynamoDBDocument.from(aws.dynamodb, { marshallOptions: { removeUndefinedValues: true } });
  await aws.dynamodb.createTable(previewsTable('previews'));
  await aws.dynamodb.createTable(coordinationTable('coordination'));
  store = new PreviewStore({ client, table: 'previews', pageSize: 2 });
  coordination = new Coordination({ client, table: 'coordination' });
});

afterEach(() => aws.close());

let count = 0;
function draft(changes: Partial<PreviewRow> = {}): PreviewRow {
  count += 1;
  const id = count.toString(16).padStart(8, '0');
  const row = draftPreview(
    {
      preview_id: `${id}-0000-4000-8000-000000000000`,
      owner: 'local',
      labels: {},
      source: {},
      spec: { image: 'a', port: 1, cpu: 256, memory: 512, env: {}, health_path: '/', health_codes: '200' },
      ttl_hours: 2,
      urls: [],
    },
    new Date('2024-01-01T12:00:00Z'),
  );
  return { ...row, ...changes };
}

const deletion = { requested_at: '2024-01-01T13:00:00Z', reason: 'Requested', by: 'test' };
const liveIds = async () => (await Array.fromAsync(store.live())).map(({ id }) => id);

describe('the previews table', () => {
  test('a record is found by UUID and by its short id, and never by the UUID of another incarnation', async () => {
    const row = draft();
    expect(await store.create(row)).toBe('created');
    expect(await store.create({ ...draft(), id: row.id })).toBe('taken');
    expect(await store.get(row.id)).toEqual(row);
    expect(await store.get(row.preview_id)).toEqual(row);
    expect(await store.get(`${row.id}-1111-4111-8111-111111111111`)).toBeUndefined();
  });

  test('a deletion is requested once, and nothing of an absent record appears', async () => {
    const row = draft();
    await store.create(row);
    expect(await store.requestDeletion(row, deletion)).toBe('deleting');
    expect(await store.requestDeletion(row, { ...deletion, reason: 'Again' })).toBe('already');
    expect(await store.get(row.id)).toMatchObject({ phase: 'Deleting', deletion });
    expect(await store.requestDeletion(draft(), deletion)).toBe('already');
    expect(await liveIds()).toEqual([row.id]);
  });

  test('a status write holds only on the record as it was read', async () => {
    const row = draft();
    await store.create(row);
    const seen = (await store.get(row.id))!;
    const write = { phase: 'Provisioning' as const, status: { ...seen.status, url: 'http://a/' } };
    const written = await store.writeStatus(seen, write);
    expect(written).toEqual(await store.get(row.id));
    expect(written?.status.rev).toBe(1);
    expect(await store.writeStatus(seen, { ...write, phase: 'Failed' })).toBeUndefined();
    await store.requestDeletion(row, deletion);
    expect(await store.writeStatus(written!, { ...write, phase: 'Ready' })).toBeUndefined();
    expect((await store.get(row.id))?.phase).toBe('Deleting');
  });

  test('an equal status is not written, so that it wakes nobody', async () => {
    const row = draft();
    await store.create(row);
    const same = await store.writeStatus(row, { phase: row.phase, status: row.status });
    expect(same?.status.rev).toBe(0);
    expect(await aws.records('previews')).toHaveLength(1);
  });

  test('a closed record leaves the live index and keeps its receipt', async () => {
    const row = draft();
    await store.create(row);
    const status = { ...row.status, deleted_at: '2024-01-01T14:00:00Z' };
    await store.writeStatus(row, { phase: 'Deleted', status, purge_at: 1_704_722_400 });
    expect(await liveIds()).toEqual([]);
    expect(await store.get(row.id)).toMatchObject({ phase: 'Deleted', purge_at: 1_704_722_400 });
  });

  test('lists go over all pages, soonest expiry first', async () => {
    const rows = [5, 1, 4, 2, 3].map((hour) => draft({ expires_at: `2024-01-01T1${hour}:00:00Z` }));
    for (const row of rows) await store.create(row);
    const sorted = rows.toSorted((a, b) => a.expires_at.localeCompare(b.expires_at)).map(({ id }) => id);
    expect(await liveIds()).toEqual(sorted);
    const due = await Array.fromAsync(store.due(new Date('2024-01-01T13:00:00Z')));
    expect(due.map(({ id }) => id)).toEqual(sorted.slice(0, 3));
  });

  test('a record that a hand has stripped of its bookkeeping can still be read and written', async () => {
    const { id, preview_id, expires_at } = draft();
    await client.put({
      TableName: 'previews',
      Item: { id, preview_id, expires_at, phase: 'Pending', live: 'live' },
    });
    const row = (await store.get(id))!;
    expect(row.status).toMatchObject({ rev: 0, resources: {} });
    expect(await store.writeStatus(row, { phase: 'Failed', status: row.status })).toBeDefined();
  });
});

describe('expiry', () => {
  const at = (time: string) => ({ store, clock: new ManualClock(time), log });

  test('every due record of every page is flipped, from the very second on, and no other', async () => {
    const due = [1, 2, 3, 4, 5].map(() => draft());
    const later = draft({ expires_at: '2024-01-01T14:00:01Z' });
    for (const row of [...due, later]) await store.create(row);
    expect(await expireDue(at('2024-01-01T13:59:59.999Z'))).toEqual({ expired: 0, moved: 0, failed: 0 });
    expect(await expireDue(at('2024-01-01T14:00:00Z'))).toEqual({ expired: 5, moved: 0, failed: 0 });
    expect(await expireDue(at('2024-01-01T14:00:00Z'))).toEqual({ expired: 0, moved: 0, failed: 0 });
    for (const { id } of due) expect((await store.get(id))?.deletion?.reason).toBe('Expired');
    expect((await store.get(later.id))?.phase).toBe('Pending');
  });

  test('of an extension and an expiry in the same instant exactly one wins', async () => {
    const row = draft();
    await store.create(row);
    const [seen] = await Array.fromAsync(store.due(new Date('2024-01-01T14:00:00Z')));
    const extend = () =>
      client.update({
        TableName: 'previews',
        Key: { id: row.id },
        UpdateExpression: 'SET expires_at = :later',
        ConditionExpression: 'expires_at = :seen AND NOT phase IN (:deleting, :deleted)',
        ExpressionAttributeValues: {
          ':later': '2024-01-01T18:00:00Z',
          ':seen': row.expires_at,
          ':deleting': 'Deleting',
          ':deleted': 'Deleted',
        },
      });
    const [extension, flip] = await Promise.allSettled([extend(), store.expire(seen!, deletion)]);
    const now = (await store.get(row.id))!;
    const extended = extension.status === 'fulfilled';
    expect(flip).toMatchObject({ value: extended ? 'moved' : 'expired' });
    expect(now.phase).toBe(extended ? 'Pending' : 'Deleting');
    expect(now.expires_at).toBe(extended ? '2024-01-01T18:00:00Z' : row.expires_at);
  });

  test('one record that cannot be written holds up no other, and fails the run', async () => {
    const rows = [draft(), draft()];
    for (const row of rows) await store.create(row);
    class Flaky extends PreviewStore {
      override expire(...[due, why]: Parameters<PreviewStore['expire']>) {
        return due.id === rows[0]!.id ? Promise.reject(new Error('not now')) : super.expire(due, why);
      }
    }
    const flaky = new Flaky({ client, table: 'previews' });
    await expect(expireDue({ ...at('2024-01-01T15:00:00Z'), store: flaky })).rejects.toThrow('1 previews');
    expect((await store.get(rows[1]!.id))?.phase).toBe('Deleting');
  });
});

describe('slots', () => {
  const alb = { name: 'a', slots: 3 } as AlbConfig;
  const clock = new ManualClock('2024-01-01T12:30:00Z');
  const deps = (albs: AlbConfig[] = [alb]) => ({
    store,
    coordination,
    clock,
    config: { albs, max_ttl_hours: 336, allow_workdir: false } as ReconcilerConfig,
  });
  const claim = async (row: PreviewRow, albs?: AlbConfig[]) =>
    only(await claimSlots(row, [MAIN], deps(albs)));
  const only = (found: Claim | undefined) =>
    found && { slot: { alb: found.alb, n: found.slots.get(MAIN) ?? -1 }, spare: found.spare };
  const stored = async (changes: Partial<PreviewRow> = {}) => {
    const spec = { ...draft().spec, image: 'acme/web:1', cpu: 256, memory: 512 } as PreviewRow['spec'];
    const row = draft({ spec, ...changes });
    await store.create(row);
    return row;
  };

  test('previews that claim at once each get a slot of their own, and no more than there are', async () => {
    const rows = await Promise.all([1, 2, 3, 4, 5].map(() => stored()));
    const claimed = await Promise.all(rows.map((row) => claim(row)));
    const numbers = claimed.flatMap((found) => (found ? [found.slot.n] : []));
    expect(numbers.toSorted((a, b) => a - b)).toEqual([0, 1, 2]);
  });

  test('the oldest that wait are admitted, whoever asks first', async () => {
    const old = await stored({ created_at: '2024-01-01T11:00:00Z' });
    const young = await stored({ created_at: '2024-01-01T12:00:00Z' });
    const one = { ...alb, slots: 1 };
    expect(await claim(young, [one])).toBeUndefined();
    expect(await claim(old, [one])).toMatchObject({ slot: { n: 0 } });
  });

  test('what could not use a slot holds up nobody', async () => {
    await stored({ created_at: '2024-01-01T09:00:00Z', expires_at: '2024-01-01T12:00:00Z' });
    await stored({ created_at: '2024-01-01T09:00:00Z', phase: 'Deleting' });
    await stored({ created_at: '2024-01-01T09:00:00Z', spec: 'poison' as unknown as PreviewRow['spec'] });
    expect(await claim(await stored(), [{ ...alb, slots: 1 }])).toMatchObject({ slot: { n: 0 } });
  });

  test('a preview finds its own slot again, and frees only its own', async () => {
    const [one, two] = [await stored(), await stored()];
    expect(await claim(one)).toMatchObject({ slot: { n: 0 } });
    expect(await claim(one)).toMatchObject({ slot: { n: 0 }, spare: [] });
    await claim(two);
    await releaseSlots(one, [alb], coordination);
    await releaseSlots(one, [alb], coordination);
    expect((await coordination.readSlots('a')).owners).toEqual({ [two.preview_id]: 1 });
  });

  test('the next load balancer takes what the first one has no room for, and nobody moves back', async () => {
    const albs = [alb, { ...alb, name: 'b' }];
    const rows: PreviewRow[] = [];
    for (let n = 0; n < 4; n += 1) {
      rows.push(await stored());
      await claim(rows[n]!, albs);
    }
    expect((await claim(rows[3]!, albs))?.slot.alb.name).toBe('b');
    await releaseSlots(rows[0]!, albs, coordination);
    expect(await claim(rows[3]!, albs)).toMatchObject({ slot: { alb: { name: 'b' } }, spare: [] });
  });

  test('of two slots the one that the record names is used, and the other is given back', async () => {
    const albs = [alb, { ...alb, name: 'b' }];
    const row = await stored();
    await coordination.reserveSlots('a', [{ n: 2, holder: row.preview_id }]);
    await coordination.reserveSlots('b', [{ n: 1, holder: row.preview_id }]);
    const named = { ...row, status: { ...row.status, slot: { alb: 'b', n: 1 } } };
    const { slot, spare } = (await claim(named, albs))!;
    expect([slot.alb.name, slot.n, spare.map(({ alb: { name }, n }) => [name, n])]).toEqual([
      'b',
      1,
      [['a', 2]],
    ]);
  });

  test('a slot beyond a limit that was lowered since stays in use', async () => {
    const row = await stored();
    await coordination.reserveSlots('a', [{ n: 2, holder: row.preview_id }]);
    expect(await claim(row, [{ ...alb, slots: 1 }])).toMatchObject({ slot: { n: 2 } });
    const next = await stored();
    expect(await claim(next, [{ ...alb, slots: 1 }])).toMatchObject({ slot: { n: 0 } });
  });

  test('a preview that changes its slot holds one at every instant, and takes none that is held', async () => {
    const [one, two] = [await stored(), await stored()];
    for (const row of [one, two]) await claim(row);
    expect(await coordination.moveSlot('a', 0, 1, one.preview_id)).toBe(false);
    expect(await coordination.moveSlot('a', 1, 2, one.preview_id)).toBe(false);
    expect(await coordination.moveSlot('a', 0, 2, one.preview_id)).toBe(true);
    expect(await coordination.moveSlot('a', 0, 2, one.preview_id)).toBe(false);
    const { slots, owners } = await coordination.readSlots('a');
    expect(slots).toEqual({ 1: two.preview_id, 2: one.preview_id });
    expect(owners).toEqual({ [two.preview_id]: 1, [one.preview_id]: 2 });
  });

  test('a free slot in which a stranger stands is given to nobody', async () => {
    const row = await stored();
    const usable = async (free: readonly { n: number }[]) => free.filter(({ n }) => n > 1) as never;
    expect(only(await claimSlots(row, [MAIN], deps(), usable))).toMatchObject({ slot: { n: 2 } });
    expect(await claimSlots(await stored(), [MAIN], deps(), usable)).toBeUndefined();
  });
});
