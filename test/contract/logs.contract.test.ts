import type { CloudWatchLogs } from '@aws-sdk/client-cloudwatch-logs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { systemClock } from '../../platform/clock.ts';
import { systemRandom } from '../../platform/random.ts';
import { openTasksEndpoint, type TasksEndpoint } from './tasks-endpoint.ts';

let endpoint: TasksEndpoint;
let logs: CloudWatchLogs;

beforeAll(async () => {
  endpoint = await openTasksEndpoint();
  logs = endpoint.logs;
});
afterAll(() => endpoint.close());

let logGroupName: string;
let stream: { logGroupName: string; logStreamName: string };

beforeEach(async () => {
  logGroupName = `/tempus/contract-${systemRandom.uuid()}`;
  stream = { logGroupName, logStreamName: 'p/web/1' };
  await logs.createLogGroup({ logGroupName });
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
