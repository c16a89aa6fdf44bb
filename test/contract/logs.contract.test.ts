import type { CloudWatchLogs } from '@aws-sdk/client-cloudwatch-logs';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { systemClock } from '../../platform/clock.ts';
import { describeCoverage } from './coverage.ts';
import { uniqueName, useContract } from './endpoint.ts';

const contract = useContract();
let logs: CloudWatchLogs;

beforeAll(() => {
  ({ logs } = contract.clients);
});

let logGroupName: string;
let stream: { logGroupName: string; logStreamName: string };

beforeEach(async () => {
  logGroupName = `/tempus/${uniqueName()}`;
  stream = { logGroupName, logStreamName: 'p/web/1' };
  await logs.createLogGroup({ logGroupName });
  contract.undo(() => logs.deleteLogGroup({ logGroupName }));
  await logs.createLogStream(stream);
});

const write = (...messages: string[]) => {
  const now = systemClock.now().getTime();
  return logs.putLogEvents({
    ...stream,
    logEvents: messages.map((message, i) => ({ message, timestamp: now - 1000 + i })),
  });
};
const texts = (page: { events?: { message?: string | undefined }[] | undefined }) =>
  page.events?.map(({ message }) => message);

describe('log groups and streams', () => {
  test('are described by prefix, with their retention', async () => {
    await logs.putRetentionPolicy({ logGroupName, retentionInDays: 7 });
    const { logGroups } = await logs.describeLogGroups({ logGroupNamePrefix: logGroupName });
    expect(logGroups).toMatchObject([{ logGroupName, retentionInDays: 7 }]);
    await logs.createLogStream({ logGroupName, logStreamName: 'q/web/1' });
    const { logStreams } = await logs.describeLogStreams({ logGroupName, logStreamNamePrefix: 'q/' });
    expect(logStreams).toMatchObject([{ logStreamName: 'q/web/1' }]);
  });

  test('are listed page by page', async () => {
    for (const name of ['a', 'b', 'c']) await logs.createLogStream({ logGroupName, logStreamName: name });
    const first = await logs.describeLogStreams({ logGroupName, limit: 3 });
    const second = await logs.describeLogStreams({ logGroupName, limit: 3, nextToken: first.nextToken });
    const names = [...first.logStreams!, ...second.logStreams!].map(({ logStreamName }) => logStreamName);
    expect(names).toEqual(['a', 'b', 'c', 'p/web/1']);
    expect(second.nextToken).toBeUndefined();
  });

  test('exist once', async () => {
    const exists = { name: 'ResourceAlreadyExistsException' };
    await expect(logs.createLogGroup({ logGroupName })).rejects.toMatchObject(exists);
    await expect(logs.createLogStream(stream)).rejects.toMatchObject(exists);
  });

  test('that are unknown are not found', async () => {
    const missing = { name: 'ResourceNotFoundException' };
    const nowhere = { logGroupName: `${logGroupName}-x`, logStreamName: 'x' };
    await expect(logs.createLogStream(nowhere)).rejects.toMatchObject(missing);
    await expect(logs.describeLogStreams(nowhere)).rejects.toMatchObject(missing);
    await expect(logs.getLogEvents(nowhere)).rejects.toMatchObject(missing);
    await expect(logs.getLogEvents({ logGroupName, logStreamName: 'x' })).rejects.toMatchObject(missing);
    await expect(logs.filterLogEvents({ logGroupName: nowhere.logGroupName })).rejects.toMatchObject(missing);
    await expect(logs.deleteLogStream({ logGroupName, logStreamName: 'x' })).rejects.toMatchObject(missing);
  });

  test('a deleted stream is gone', async () => {
    await write('1');
    await logs.deleteLogStream(stream);
    expect(texts(await logs.filterLogEvents({ logGroupName }))).toEqual([]);
  });
});

describe('events', () => {
  test('are followed by the forward token, which stays the same at the end', async () => {
    await write('1', '2', '3');
    const first = await logs.getLogEvents({ ...stream, startFromHead: true });
    expect(texts(first)).toEqual(['1', '2', '3']);
    const end = await logs.getLogEvents({ ...stream, nextToken: first.nextForwardToken });
    expect(end).toMatchObject({ events: [], nextForwardToken: first.nextForwardToken });
  });

  test('of the tail come by default, in the order of time', async () => {
    await write('1', '2', '3');
    expect(texts(await logs.getLogEvents({ ...stream, limit: 2 }))).toEqual(['2', '3']);
  });

  test('of several streams are merged and filtered', async () => {
    await write('1', '2');
    await logs.createLogStream({ logGroupName, logStreamName: 'q/web/1' });
    const page = await logs.filterLogEvents({ logGroupName, logStreamNamePrefix: 'p/', limit: 1 });
    expect(page.events).toMatchObject([{ logStreamName: 'p/web/1', message: '1' }]);
    const next = await logs.filterLogEvents({
      logGroupName,
      logStreamNamePrefix: 'p/',
      limit: 1,
      nextToken: page.nextToken,
    });
    expect(texts(next)).toEqual(['2']);
    expect(texts(await logs.filterLogEvents({ logGroupName, endTime: 1 }))).toEqual([]);
  });

  test('that make no sense are refused', async () => {
    const invalid = { name: 'InvalidParameterException' };
    const now = systemClock.now().getTime();
    const logEvents = [
      { message: 'b', timestamp: now },
      { message: 'a', timestamp: now - 1 },
    ];
    await expect(logs.putLogEvents({ ...stream, logEvents })).rejects.toMatchObject(invalid);
    await expect(logs.getLogEvents({ ...stream, nextToken: 'x' })).rejects.toMatchObject(invalid);
    const both = { logGroupName, logStreamNamePrefix: 'p', logStreamNames: ['p/web/1'] };
    await expect(logs.filterLogEvents(both)).rejects.toMatchObject(invalid);
  });
});

describe('a call that is refused', () => {
  const invalid = { name: 'InvalidParameterException' };
  const missing = { name: 'ResourceNotFoundException' };

  test.each([
    ['no characters', ''],
    ['a space', 'a b'],
    ['513 characters', 'x'.repeat(513)],
  ])('creates no group whose name has %s', async (_what, name) => {
    await expect(logs.createLogGroup({ logGroupName: name })).rejects.toMatchObject(invalid);
  });

  test.each([
    ['no characters', ''],
    ['a colon', 'a:b'],
    ['an asterisk', 'a*'],
    ['513 characters', 'x'.repeat(513)],
  ])('creates no stream whose name has %s', async (_what, name) => {
    await expect(logs.createLogStream({ logGroupName, logStreamName: name })).rejects.toMatchObject(invalid);
    expect((await logs.describeLogStreams({ logGroupName })).logStreams).toHaveLength(1);
  });

  test('sets no retention that AWS does not sell, and none on what is not there', async () => {
    await expect(logs.putRetentionPolicy({ logGroupName, retentionInDays: 2 })).rejects.toMatchObject(
      invalid,
    );
    const nowhere = { logGroupName: `${logGroupName}-x`, retentionInDays: 7 };
    await expect(logs.putRetentionPolicy(nowhere)).rejects.toMatchObject(missing);
  });

  test('writes nothing: no events, to no stream', async () => {
    await expect(logs.putLogEvents({ ...stream, logEvents: [] })).rejects.toMatchObject(invalid);
    const logEvents = [{ message: 'a', timestamp: systemClock.now().getTime() }];
    const nowhere = { logGroupName, logStreamName: 'x', logEvents };
    await expect(logs.putLogEvents(nowhere)).rejects.toMatchObject(missing);
  });

  test.each<[string, (page: object) => Promise<unknown>, number]>([
    ['DescribeLogGroups', (page) => logs.describeLogGroups(page), 51],
    ['DescribeLogStreams', (page) => logs.describeLogStreams({ logGroupName, ...page }), 51],
    ['FilterLogEvents', (page) => logs.filterLogEvents({ logGroupName, ...page }), 10_001],
    ['GetLogEvents', (page) => logs.getLogEvents({ ...stream, ...page }), 10_001],
  ])(
    'is %s with a token of nobody, or a page that is too small or too large',
    async (_name, list, tooMany) => {
      await expect(list({ nextToken: 'no token of yours' })).rejects.toMatchObject(invalid);
      await expect(list({ limit: 0 })).rejects.toMatchObject(invalid);
      await expect(list({ limit: tooMany })).rejects.toMatchObject(invalid);
    },
  );
});

describe('reading', () => {
  test('goes backwards by the other token, and stays at the beginning', async () => {
    await write('1', '2', '3');
    const last = await logs.getLogEvents({ ...stream, limit: 2 });
    const before = await logs.getLogEvents({ ...stream, limit: 2, nextToken: last.nextBackwardToken });
    expect(texts(before)).toEqual(['1']);
    const end = await logs.getLogEvents({ ...stream, nextToken: before.nextBackwardToken });
    expect(end).toMatchObject({ events: [], nextBackwardToken: before.nextBackwardToken });
  });

  test('is bounded by time: from its start, up to but not at its end', async () => {
    await write('1', '2', '3');
    const [, second] = (await logs.getLogEvents({ ...stream, startFromHead: true })).events!;
    const at = second!.timestamp!;
    expect(texts(await logs.getLogEvents({ ...stream, startTime: at, endTime: at + 1 }))).toEqual(['2']);
    const filtered = await logs.filterLogEvents({ logGroupName, startTime: at, endTime: at + 1 });
    expect(filtered.events).toMatchObject([{ message: '2', logStreamName: stream.logStreamName }]);
  });

  test('orders streams by their last event when asked to', async () => {
    await logs.createLogStream({ logGroupName, logStreamName: 'later' });
    await write('1');
    const now = systemClock.now().getTime();
    await logs.putLogEvents({
      logGroupName,
      logStreamName: 'later',
      logEvents: [{ message: '2', timestamp: now }],
    });
    const ordered = await logs.describeLogStreams({
      logGroupName,
      orderBy: 'LastEventTime',
      descending: true,
    });
    expect(ordered.logStreams!.map(({ logStreamName }) => logStreamName)).toEqual(['later', 'p/web/1']);
  });
});

describeCoverage('logs', contract);
