import { mkdtemp, rm } from 'node:fs/promises';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { _Record } from '@aws-sdk/client-dynamodb-streams';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { type AwsClients, createClients } from '../../aws/clients.ts';
import { type LocalcloudChild, startLocalcloud } from './localcloud-child.ts';
import { StreamFollower, streamOf } from './stream-reading.ts';

const TableName = 'counters';
const WRITERS = 4;
const ITEMS = 25;
const ROUNDS = 100;
const WRITES = WRITERS * ITEMS * ROUNDS;

let folder: string;
let cloud: LocalcloudChild;
let clients: AwsClients;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tempus-restart-'));
  cloud = await startLocalcloud(folder);
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  clients = createClients({ region: 'us-east-1', endpoint: cloud.endpoint, credentials });
  await clients.dynamodb.createTable({
    TableName,
    KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
    AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
    BillingMode: 'PAY_PER_REQUEST',
    StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
  });
});
afterEach(async () => {
  clients.destroy();
  cloud.process.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

/** No answer, because the process died: the call may have been carried out, or not, or half. */
async function untilAnswered<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if ((error as { $fault?: string }).$fault !== undefined) throw error;
      await sleep(20);
    }
  }
}

let written = 0;

/** Counts each of its items up. A write is repeated until it is answered; one that was done already changes nothing. */
async function write(writer: number): Promise<void> {
  for (let round = 0; round < ROUNDS; round += 1) {
    const items = Array.from({ length: ITEMS }, (_, n): Record<string, AttributeValue> => {
      return { id: { S: `${writer}-${n}` }, count: { N: String(round) } };
    });
    const requests = items.map((Item) => ({ PutRequest: { Item } }));
    const batch = () => clients.dynamodb.batchWriteItem({ RequestItems: { [TableName]: requests } });
    const each = (Item: Record<string, AttributeValue>) => () =>
      clients.dynamodb.putItem({ TableName, Item });
    if (round % 4 > 0) await untilAnswered(batch);
    else await Promise.all(items.map((Item) => untilAnswered(each(Item))));
    written += ITEMS;
  }
}

/** Both happen while the writers write. */
async function splitAndKill(): Promise<void> {
  const split = once(cloud.process, 'message');
  cloud.process.send(TableName);
  await split;
  const exit = once(cloud.process, 'exit');
  cloud.process.kill('SIGKILL');
  await exit;
  cloud = await startLocalcloud(folder, Number(new URL(cloud.endpoint).port));
}

/** Reads along with the writers, without taking the machine from them. */
async function follow(follower: StreamFollower): Promise<void> {
  while (follower.records.length < WRITES) {
    await untilAnswered(() => follower.step());
    await sleep(200);
  }
}

const countOf = ({ dynamodb }: _Record) => Number(dynamodb!.NewImage!['count']!.N);

test(
  'ten thousand writes are read once each and in order by two readers, whenever localcloud is killed',
  { timeout: 120_000 },
  async () => {
    const streamArn = await streamOf({ clients }, TableName);
    const followers = [
      new StreamFollower({ clients }, streamArn),
      new StreamFollower({ clients }, streamArn),
    ];
    const writing = Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
    const following = followers.map(follow);
    for (const share of [0.2, 0.4, 0.6, 0.8]) {
      await vi.waitFor(() => expect(written).toBeGreaterThan(WRITES * share), { timeout: 60_000 });
      await splitAndKill();
    }
    await Promise.all([writing, ...following]);
    for (const follower of followers) {
      await follower.step();
      const { records } = follower;
      expect(records).toHaveLength(WRITES);
      expect(new Set(records.map(({ dynamodb }) => dynamodb!.SequenceNumber)).size).toBe(WRITES);
      const byItem = Map.groupBy(records, ({ dynamodb }) => dynamodb!.Keys!['id']!.S);
      expect(byItem.size).toBe(WRITERS * ITEMS);
      for (const changes of byItem.values()) {
        expect(changes.map(countOf)).toEqual(Array.from({ length: ROUNDS }, (_, round) => round));
      }
    }
  },
);
