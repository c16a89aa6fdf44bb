import {
  ExpiredIteratorException,
  LimitExceededException,
  ResourceNotFoundException,
  TrimmedDataAccessException,
} from '@aws-sdk/client-dynamodb-streams';
import { beforeEach, describe, expect, test } from 'vitest';
import type { StreamsPort } from '../../aws/ports.ts';
import { StreamLag } from '../../controller/stream-lag.ts';
import type { ShardProgress } from '../../controller/shard-reader.ts';
import { readStream, type StreamReaderDeps } from '../../controller/stream-reader.ts';
import { silentLog as log } from '../../platform/log.ts';
import { Coordination } from '../../preview/coordination.ts';
import { coordinationTable, previewsTable } from '../../preview/tables.ts';
import { ManualClock } from '../fakes/clock.ts';
import { MemoryDatabase } from '../sim/database/memory-database.ts';
import { SeededRandom } from '../sim/random.ts';

const POLL_MS = 250;
const SYNC_MS = 60_000;
const error = { $metadata: {}, message: 'planned' };
const random = new SeededRandom('stream-reader');

let clock: ManualClock;
let tables: MemoryDatabase;
let coordination: Coordination;
let seen: string[];
let gaps: number;
let progress: ShardProgress[];
let stop: AbortController;
/** What goes wrong with each call; called before it is made. */
let fault: (call: keyof StreamsPort | 'put', input: object) => Error | undefined;
let calls: Record<string, number[]>;

beforeEach(() => {
  clock = new ManualClock();
  tables = new MemoryDatabase({ clock, random });
  tables.createTable(previewsTable('previews'));
  tables.createTable(coordinationTable('coordination'));
  const put: typeof tables.document.put = async (input) => {
    const planned = fault('put', input);
    if (planned) throw planned;
    return tables.document.put(input);
  };
  coordination = new Coordination({ client: { ...tables.document, put }, table: 'coordination' });
  seen = [];
  gaps = 0;
  progress = [];
  fault = () => undefined;
  calls = {};
  stop = new AbortController();
});

function faulty(port: StreamsPort): StreamsPort {
  const wrap = <K extends keyof StreamsPort>(name: K) =>
    (async (input: Parameters<StreamsPort[K]>[0]) => {
      (calls[name] ??= []).push(clock.monotonic());
      const planned = fault(name, input);
      if (planned) throw planned;
      return port[name](input as never);
    }) as StreamsPort[K];
  return {
    describeStream: wrap('describeStream'),
    getShardIterator: wrap('getShardIterator'),
    getRecords: wrap('getRecords'),
  };
}

/** A reader of the table's stream, as a leader has it; its end. */
function read(over: Partial<StreamReaderDeps> = {}): Promise<void> {
  const deps: StreamReaderDeps = {
    dynamodb: tables.dynamodb,
    streams: faulty(tables.streams),
    coordination,
    clock,
    random,
    log,
    table: 'previews',
    pollMs: POLL_MS,
    syncMs: SYNC_MS,
    checkpointMs: 1_000,
    onPage: async (records) => {
      for (const { dynamodb } of records) seen.push(dynamodb?.Keys?.['id']?.S ?? '');
    },
    onGap: () => (gaps += 1),
    onProgress: (one) => progress.push(one),
    ...over,
  };
  return readStream(deps, stop.signal);
}

const put = (...ids: string[]) =>
  Promise.all(
    ids.map((id) => tables.document.put({ TableName: 'previews', Item: { id, at: clock.monotonic() } })),
  );

/** As a crash does: no word of farewell, and a new process later. */
async function restart(over: Partial<StreamReaderDeps> = {}): Promise<void> {
  stop.abort();
  await clock.advance(0);
  stop = new AbortController();
  void read(over);
  await clock.advance(2 * POLL_MS);
}

const shards = async () => {
  const { Table } = await tables.dynamodb.describeTable({ TableName: 'previews' });
  const { StreamDescription } = await tables.streams.describeStream({ StreamArn: Table!.LatestStreamArn });
  return StreamDescription!.Shards!;
};
const checkpointOf = (shardId = '') => coordination.readCheckpoint(shardId);

describe('a page that is still needed', () => {
  test('holds up no later page, and the checkpoint waits for it', async () => {
    const waiting: PromiseWithResolvers<void>[] = [];
    void read({
      onPage: (records) => {
        for (const { dynamodb } of records) seen.push(dynamodb?.Keys?.['id']?.S ?? '');
        waiting.push(Promise.withResolvers());
        return waiting.at(-1)!.promise;
      },
    });
    for (const id of ['a', 'b', 'c']) {
      await put(id);
      await clock.advance(POLL_MS);
    }
    expect(seen).toEqual(['a', 'b', 'c']);
    const [shard] = await shards();
    waiting[1]!.resolve();
    await clock.advance(5_000);
    expect(await checkpointOf(shard?.ShardId)).toEqual({});
    waiting[0]!.resolve();
    await clock.advance(5_000);
    seen = [];
    await restart();
    expect(seen).toEqual(['c']);
  });

  test('comes again, and all that follow it, when it is refused', async () => {
    let refusals = 2;
    void read({
      onPage: async (records) => {
        for (const { dynamodb } of records) seen.push(dynamodb?.Keys?.['id']?.S ?? '');
        await clock.sleep(1);
        if (seen.includes('b') && refusals-- > 0) throw new Error('not now');
      },
    });
    await put('a');
    await clock.advance(POLL_MS);
    await put('b');
    await clock.advance(POLL_MS);
    await put('c');
    await clock.advance(10_000);
    expect(seen.slice(0, 2)).toEqual(['a', 'b']);
    expect(seen.filter((id) => id === 'b').length).toBeGreaterThan(1);
    expect(seen.at(-1)).toBe('c');
    expect(seen.filter((id) => id === 'a')).toHaveLength(1);
  });

  test('lets the children of its shard be read, but not the shard be called ended', async () => {
    const told = Promise.withResolvers<void>();
    void read({
      onPage: (records) => {
        for (const { dynamodb } of records) seen.push(dynamodb?.Keys?.['id']?.S ?? '');
        return seen.length === 1 ? told.promise : Promise.resolve();
      },
    });
    const [parent] = await shards();
    await put('a');
    tables.rollShards('previews');
    await put('b');
    await clock.advance(5_000);
    expect(seen).toEqual(['a', 'b']);
    expect(await checkpointOf(parent?.ShardId)).toEqual({});
    told.resolve();
    await clock.advance(1_000);
    expect(await checkpointOf(parent?.ShardId)).toMatchObject({ ended: true });
  });
});

describe('checkpoints', () => {
  test('that cannot be written cost no record and no time, and end no reader', async () => {
    fault = (call) => (call === 'put' ? new Error('no answer') : undefined);
    void read({ checkpointMs: 0 });
    for (const id of ['a', 'b', 'c']) {
      await put(id);
      await clock.advance(POLL_MS);
      expect(seen.at(-1)).toBe(id);
    }
    tables.rollShards('previews');
    await put('d');
    await clock.advance(2_000);
    expect(seen).toEqual(['a', 'b', 'c', 'd']);
    fault = () => undefined;
    await clock.advance(40_000);
    seen = [];
    await restart();
    expect(seen).toEqual([]);
    expect(gaps).toBe(0);
  });

  test('are thrown away once they point at nothing any more', async () => {
    void read();
    await put('a');
    await clock.advance(5_000);
    const [shard] = await shards();
    const { purge_at = 0 } = await checkpointOf(shard?.ShardId);
    const left = purge_at - clock.now().getTime() / 1000;
    expect(left).toBeGreaterThan(24 * 3_600);
    expect(left).toBeLessThanOrEqual(48 * 3_600);
  });

  test('that a hand has spoilt are read as if there were none', async () => {
    const [shard] = await shards();
    await put('a');
    await coordination.writeCheckpoint(shard!.ShardId!, { sequence_number: 'nonsense' });
    void read();
    await clock.advance(5_000);
    expect(seen).toEqual(['a']);
    expect(gaps).toBe(1);
  });
});

describe('reads that fail', () => {
  test('by an expired iterator go on after the last record that was handed over, before any checkpoint', async () => {
    void read({ checkpointMs: 3_600_000 });
    await put('a', 'b');
    await clock.advance(1_000);
    await clock.advance(0);
    let left = 1;
    fault = (call) => (call === 'getRecords' && left-- > 0 ? new ExpiredIteratorException(error) : undefined);
    await put('c');
    await clock.advance(1_000);
    expect(seen).toEqual(['a', 'b', 'c']);
    expect(gaps).toBe(0);
  });

  test('by iterators that expire at once are repeated less and less often', async () => {
    fault = (call) => (call === 'getRecords' ? new ExpiredIteratorException(error) : undefined);
    void read();
    await clock.advance(600_000);
    expect(calls['getRecords']!.length).toBeLessThan(40);
    fault = () => undefined;
    await put('a');
    await clock.advance(40_000);
    expect(seen).toEqual(['a']);
  });

  test('by a throttle keep their iterator, and wait longer each time', async () => {
    void read();
    await clock.advance(1_000);
    const iterators = calls['getShardIterator']!.length;
    fault = (call) => (call === 'getRecords' ? new LimitExceededException(error) : undefined);
    await put('a');
    const before = calls['getRecords']!.length;
    await clock.advance(30_000);
    expect(calls['getRecords']!.length - before).toBeLessThanOrEqual(6);
    fault = () => undefined;
    await clock.advance(40_000);
    expect(seen).toEqual(['a']);
    expect(calls['getShardIterator']).toHaveLength(iterators);
  });

  test('by trimmed data even at the oldest record are no hot loop, ask for one list, and let the children go on', async () => {
    const [parent] = await shards();
    fault = (call, input) =>
      call === 'getShardIterator' && (input as { ShardId: string }).ShardId === parent?.ShardId
        ? new TrimmedDataAccessException(error)
        : undefined;
    tables.rollShards('previews');
    await put('a');
    void read();
    await clock.advance(20_000);
    expect(seen).toEqual(['a']);
    expect(gaps).toBe(1);
    expect(calls['getShardIterator']!.length).toBeLessThan(10);
  });

  test('by a shard that is gone ask for one list, and let the children go on', async () => {
    void read();
    await put('a');
    await clock.advance(1_000);
    const [parent] = await shards();
    fault = (call, input) =>
      call === 'getRecords' || (input as { ShardId?: string }).ShardId === parent?.ShardId
        ? new ResourceNotFoundException(error)
        : undefined;
    await put('lost');
    tables.rollShards('previews');
    await put('b');
    await clock.advance(10_000);
    fault = (_call, input) =>
      (input as { ShardId?: string }).ShardId === parent?.ShardId
        ? new ResourceNotFoundException(error)
        : undefined;
    await clock.advance(30_000);
    expect(seen).toEqual(['a', 'b']);
    expect(gaps).toBeGreaterThan(0);
  });

  test('by an open shard that cannot be found for a minute are made up for', async () => {
    fault = (call) => (call === 'getShardIterator' ? new ResourceNotFoundException(error) : undefined);
    void read();
    await put('a');
    await clock.advance(60_000);
    expect(seen).toEqual([]);
    fault = () => undefined;
    await clock.advance(SYNC_MS);
    expect(seen).toEqual(['a']);
  });
});

describe('shards', () => {
  test('are read as soon as their parent has ended, without waiting for the next look at the graph', async () => {
    void read();
    await clock.advance(1_000);
    for (let generation = 0; generation < 5; generation += 1) {
      await put(`a${generation}`, `b${generation}`);
      tables.rollShards('previews', 1 + (generation % 2));
    }
    await put('last');
    await clock.advance(5_000);
    expect(new Set(seen).size).toBe(11);
    expect(seen).toHaveLength(11);
  });

  test('that are listed later than their parent has ended are looked for again soon', async () => {
    const hidden = new Set<string>();
    const late: StreamsPort['describeStream'] = async (input) => {
      const answer = await tables.streams.describeStream(input);
      const Shards = answer.StreamDescription!.Shards!.filter(({ ShardId = '' }) => !hidden.has(ShardId));
      return { StreamDescription: { ...answer.StreamDescription, Shards } };
    };
    void read({ streams: { ...tables.streams, describeStream: late } });
    await clock.advance(1_000);
    tables.rollShards('previews');
    hidden.add((await shards()).at(-1)!.ShardId!);
    await put('a');
    await clock.advance(3_000);
    expect(seen).toEqual([]);
    hidden.clear();
    await clock.advance(2_000);
    expect(seen).toEqual(['a']);
  });

  test('are listed over all pages, and a child before its parent is read after it', async () => {
    const paged: StreamsPort['describeStream'] = async ({ StreamArn, ExclusiveStartShardId }) => {
      const answer = await tables.streams.describeStream({ StreamArn });
      const all = answer.StreamDescription!.Shards!.toReversed();
      const from = all.findIndex(({ ShardId }) => ShardId === ExclusiveStartShardId) + 1;
      const Shards = all.slice(from, from + 1);
      const more = from + 1 < all.length ? { LastEvaluatedShardId: Shards[0]?.ShardId } : {};
      return { StreamDescription: { ...answer.StreamDescription, Shards, ...more } };
    };
    for (const id of ['a', 'b', 'c']) {
      await put(id);
      tables.rollShards('previews');
    }
    await put('d');
    void read({ streams: { ...tables.streams, describeStream: paged } });
    await clock.advance(5_000);
    expect(seen).toEqual(['a', 'b', 'c', 'd']);
  });

  test('are asked for at most four times a second each, full pages and empty ones alike', async () => {
    void read();
    for (let n = 0; n < 40; n += 1) {
      await put(`p${n}`);
      await clock.advance(100);
    }
    const times = calls['getRecords']!;
    for (let n = 4; n < times.length; n += 1) expect(times[n]! - times[n - 4]!).toBeGreaterThanOrEqual(1_000);
    expect(seen).toHaveLength(40);
  });
});

test('shards that cannot be listed are asked for less and less often, and read once they can be', async () => {
  fault = (call) => (call === 'describeStream' ? new LimitExceededException(error) : undefined);
  void read();
  await put('a');
  await clock.advance(300_000);
  expect(calls['describeStream']!.length).toBeLessThan(20);
  fault = () => undefined;
  await clock.advance(40_000);
  expect(seen).toEqual(['a']);
});

describe('a stream that is switched off', () => {
  test('is read to its end under its old name, also shards that were not begun, beside the new one', async () => {
    void read({ pollMs: 10_000 });
    await clock.advance(1_000);
    await put('old1');
    tables.rollShards('previews');
    await put('old2');
    tables.switchStream('previews', false);
    await put('unseen');
    await clock.advance(1_000);
    tables.switchStream('previews', true);
    await put('new');
    await clock.advance(2 * SYNC_MS);
    expect(seen.toSorted()).toEqual(['new', 'old1', 'old2']);
    expect(gaps).toBe(1);
  });

  test('and forgotten by AWS is no trouble: nothing ends, and the next one is found', async () => {
    let ended = false;
    void read().then(() => (ended = true));
    await clock.advance(1_000);
    tables.switchStream('previews', false);
    await clock.advance(25 * 3_600_000);
    expect(ended).toBe(false);
    const looks = calls['describeStream']!.length;
    await clock.advance(3_600_000);
    expect(calls['describeStream']!.length - looks).toBeLessThanOrEqual(61);
    tables.switchStream('previews', true);
    await put('a');
    await clock.advance(SYNC_MS + 1_000);
    expect(seen).toEqual(['a']);
  });

  test('while the table cannot be described is still read', async () => {
    let broken = false;
    const describeTable: typeof tables.dynamodb.describeTable = async (input) => {
      if (broken) throw new Error('no answer');
      return tables.dynamodb.describeTable(input);
    };
    void read({ dynamodb: { describeTable } });
    await clock.advance(1_000);
    broken = true;
    tables.rollShards('previews');
    await put('a');
    await clock.advance(2_000);
    expect(seen).toEqual(['a']);
  });
});

describe('how far behind the stream is read', () => {
  test('is 0 at the tip, the age of what was read last before it, and grows while reads fail', async () => {
    const lag = new StreamLag();
    let behind = 0;
    void read({ onProgress: (one) => (behind = lag.note(one)) });
    await clock.advance(1_000);
    expect(behind).toBe(0);
    fault = (call) => (call === 'getRecords' ? new Error('no answer') : undefined);
    await put('a');
    await clock.advance(60_000);
    expect(behind).toBeGreaterThan(20);
    fault = () => undefined;
    await clock.advance(40_000);
    expect(seen).toEqual(['a']);
    expect(behind).toBe(0);
  });

  test('does not count shards that were left', async () => {
    void read();
    await clock.advance(1_000);
    tables.rollShards('previews');
    await clock.advance(2_000);
    const [parent] = await shards();
    const last = progress.findLast(({ shard_id }) => shard_id === parent?.ShardId);
    expect(last?.behind_ms).toBeUndefined();
    expect(progress.at(-1)?.behind_ms).toBe(0);
  });
});

test('a reader that is told to stop ends at once and leaves nothing behind', async () => {
  let ended = false;
  void read({ onPage: () => new Promise(() => undefined) }).then(() => (ended = true));
  await put('a');
  await clock.advance(1_000);
  stop.abort();
  await clock.advance(0);
  expect(ended).toBe(true);
  expect(clock.pending).toBe(0);
});
