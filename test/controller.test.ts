import { DynamoDBDocument } from '@aws-sdk/lib-dynamodb';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { LeaderLease, NotLeaderError } from '../controller/lease.ts';
import { Resync } from '../controller/resync.ts';
import { readStream } from '../controller/stream-reader.ts';
import { systemClock as clock } from '../platform/clock.ts';
import { silentLog as log } from '../platform/log.ts';
import { systemRandom as random } from '../platform/random.ts';
import { Coordination } from '../preview/coordination.ts';
import { PreviewStore } from '../preview/store.ts';
import { coordinationTable, previewsTable } from '../preview/tables.ts';
import { Endpoint } from './contract/dynamodb-endpoint.ts';

let aws: Endpoint;
let client: DynamoDBDocument;
let coordination: Coordination;
let stop: AbortController;

beforeEach(async () => {
  aws = await Endpoint.open();
  client = DynamoDBDocument.from(aws.dynamodb);
  await aws.dynamodb.createTable(previewsTable('previews'));
  await aws.dynamodb.createTable(coordinationTable('coordination'));
  coordination = new Coordination({ client, table: 'coordination' });
  stop = new AbortController();
});

afterEach(async () => {
  stop.abort();
  await aws.close();
});

const put = (id: string) =>
  client.put({ TableName: 'previews', Item: { id, live: 'live', expires_at: 'x', n: 0 } });

describe('the stream reader', () => {
  let seen: string[];
  let gaps: number;
  let reading: Promise<void>;

  const read = (signal: AbortSignal) =>
    readStream(
      {
        dynamodb: aws.dynamodb,
        streams: aws.streams,
        coordination,
        clock,
        random,
        log,
        table: 'previews',
        pollMs: 5,
        syncMs: 50,
        checkpointMs: 0,
        onPage: async (records) => {
          for (const { dynamodb } of records) seen.push(dynamodb?.Keys?.id?.S ?? '');
        },
        onGap: () => (gaps += 1),
      },
      signal,
    );

  beforeEach(() => {
    seen = [];
    gaps = 0;
    reading = read(stop.signal);
  });
  afterEach(async () => {
    stop.abort();
    await reading;
  });

  test('every write is seen once, also those from before the start', async () => {
    for (let n = 0; n < 20; n += 1) await put(`p${n}`);
    await vi.waitFor(() => expect(seen).toHaveLength(20));
    expect(new Set(seen).size).toBe(20);
  });

  test('shards that end and split lose nothing and keep the order of an item', async () => {
    for (let round = 0; round < 5; round += 1) {
      for (let n = 0; n < 4; n += 1) await put(`${round}-${n}`);
      await aws.database.rollShards('previews', round % 2 === 0 ? 2 : 1);
    }
    await put('last');
    await vi.waitFor(() => expect(new Set(seen).size).toBe(21));
    expect(gaps).toBe(0);
  });

  test('a reader that starts again goes on where the last one stopped', async () => {
    await put('a');
    await vi.waitFor(() => expect(seen).toEqual(['a']));
    stop.abort();
    await reading;
    stop = new AbortController();
    await put('b');
    reading = read(stop.signal);
    await vi.waitFor(() => expect(seen).toEqual(['a', 'b']));
  });

  test('an iterator that has expired is renewed without a gap', async () => {
    await put('a');
    await vi.waitFor(() => expect(seen).toEqual(['a']));
    await aws.clock.advance(16 * 60_000);
    await put('b');
    await vi.waitFor(() => expect(seen).toEqual(['a', 'b']));
    expect(gaps).toBe(0);
  });

  test('a stream that was switched off and on is read under its new name, and a full list is asked for', async () => {
    await put('a');
    await vi.waitFor(() => expect(seen).toEqual(['a']));
    const update = (StreamEnabled: boolean) =>
      aws.dynamodb.updateTable({
        TableName: 'previews',
        StreamSpecification: StreamEnabled
          ? { StreamEnabled, StreamViewType: 'NEW_AND_OLD_IMAGES' }
          : { StreamEnabled },
      });
    await update(false);
    await put('unseen');
    await aws.clock.advance(1_000);
    await update(true);
    await put('b');
    await vi.waitFor(() => expect(seen).toContain('b'), 5_000);
    expect(gaps).toBeGreaterThan(0);
  });

  test('what is still in a stream when it is switched off is read from there, whatever follows it', async () => {
    await put('a');
    await vi.waitFor(() => expect(seen).toEqual(['a']));
    await put('b');
    await aws.database.rollShards('previews', 2);
    await put('c');
    await aws.dynamodb.updateTable({
      TableName: 'previews',
      StreamSpecification: { StreamEnabled: false },
    });
    await aws.clock.advance(1_000);
    await aws.dynamodb.updateTable({
      TableName: 'previews',
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
    });
    await put('d');
    await vi.waitFor(() => expect(seen.toSorted()).toEqual(['a', 'b', 'c', 'd']), 5_000);
  });

  test('shards of more than one page of DescribeStream are all read', async () => {
    stop.abort();
    await reading;
    stop = new AbortController();
    for (let n = 0; n < 7; n += 1) await aws.database.rollShards('previews', 2);
    await put('last');
    const { StreamDescription } = await aws.streams.describeStream({
      StreamArn: await aws.streamArn('previews'),
    });
    expect(StreamDescription?.LastEvaluatedShardId).toBeDefined();
    reading = read(stop.signal);
    await vi.waitFor(() => expect(seen).toEqual(['last']), 10_000);
  });

  test('records that were trimmed before anyone read them ask for a full list', async () => {
    await put('a');
    await vi.waitFor(() => expect(seen).toEqual(['a']));
    stop.abort();
    await reading;
    stop = new AbortController();
    await put('lost');
    await aws.clock.advance(25 * 3_600_000);
    reading = read(stop.signal);
    await put('b');
    await vi.waitFor(() => expect(seen).toContain('b'), 5_000);
    expect(gaps).toBeGreaterThan(0);
  });
});

describe('the leader lease', () => {
  const times = { leaseMs: 600, renewMs: 100, retryMs: 40 };
  const leases: Promise<void>[] = [];
  afterEach(async () => {
    stop.abort();
    await Promise.all(leases.splice(0));
  });

  function contender(
    owner: string,
    options: { home?: string; signal?: AbortSignal; table?: Coordination } = {},
  ) {
    const { home, signal = stop.signal, table = coordination } = options;
    const lease = new LeaderLease({
      coordination: table,
      clock,
      log,
      owner,
      times,
      ...(home === undefined ? {} : { home }),
    });
    const led = { terms: 0, leading: false };
    const running = lease.run(async (tenure) => {
      led.terms += 1;
      led.leading = true;
      await new Promise<void>((resolve) => tenure.addEventListener('abort', () => resolve()));
      led.leading = false;
    }, signal);
    leases.push(running);
    return { lease, led, running };
  }

  test('one of two leads; when it stops, the other takes over at once', async () => {
    const leaving = new AbortController();
    const one = contender('one', { signal: leaving.signal });
    await vi.waitFor(() => expect(one.led.leading).toBe(true));
    const two = contender('two');
    await vi.waitFor(async () => expect((await coordination.readLease('leader'))?.tenure).toBeGreaterThan(3));
    expect(two.led.terms).toBe(0);
    leaving.abort();
    await one.running;
    const released = performance.now();
    await vi.waitFor(() => expect(two.led.leading).toBe(true));
    expect(performance.now() - released).toBeLessThan(times.leaseMs);
    expect(one.lease.isHeld).toBe(false);
  });

  test('a leader that died without a word is followed when its lease runs out', async () => {
    await coordination.takeLease('leader', { holder: 'dead' });
    const start = performance.now();
    const next = contender('next');
    await vi.waitFor(() => expect(next.led.leading).toBe(true), 5_000);
    expect(performance.now() - start).toBeGreaterThanOrEqual(times.leaseMs);
  });

  test('a process does not wait out the lease of its own dead predecessor', async () => {
    await coordination.takeLease('leader', { holder: 'dead', home: 'host:/state' });
    const start = performance.now();
    const next = contender('next', { home: 'host:/state' });
    await vi.waitFor(() => expect(next.led.leading).toBe(true));
    expect(performance.now() - start).toBeLessThan(times.leaseMs);
  });

  test('a leader that cannot write stops leading before anybody else may begin, and refuses to mutate', async () => {
    let cut = false;
    class Cut extends Coordination {
      override renewLease(...input: Parameters<Coordination['renewLease']>) {
        return cut ? Promise.reject(new Error('no answer')) : super.renewLease(...input);
      }
      override takeLease(...input: Parameters<Coordination['takeLease']>) {
        return cut ? Promise.reject(new Error('no answer')) : super.takeLease(...input);
      }
    }
    const table = new Cut({ client, table: 'coordination' });
    const one = contender('one', { table });
    await vi.waitFor(() => expect(one.led.leading).toBe(true));
    one.lease.assertHeld();
    cut = true;
    const two = contender('two');
    await vi.waitFor(() => expect(one.led.leading).toBe(false), 5_000);
    expect(() => one.lease.assertHeld()).toThrow(NotLeaderError);
    expect(two.led.terms).toBe(0);
    await vi.waitFor(() => expect(two.led.leading).toBe(true), 5_000);
  });
});

test('lists run at the start and whenever they are asked for, whatever the stream does', async () => {
  for (let n = 0; n < 5; n += 1) await put(`p${n}`);
  const listed: string[] = [];
  const store = new PreviewStore({ client, table: 'previews', pageSize: 2 });
  const resync = new Resync({
    store,
    clock,
    random,
    log,
    unsettledMs: 60_000,
    fullMs: 60_000,
    onRow: ({ id }) => listed.push(id),
  });
  const running = resync.run(stop.signal);
  await vi.waitFor(() => expect(listed).toHaveLength(5));
  resync.request();
  await vi.waitFor(() => expect(listed).toHaveLength(10));
  stop.abort();
  await running;
});
