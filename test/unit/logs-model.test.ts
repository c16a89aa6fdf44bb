import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { LogsModel } from '../../localcloud/logs/model.ts';
import { systemClock } from '../../platform/clock.ts';

let now: number;
let logs: LogsModel;
const clock = { ...systemClock, now: () => new Date(now) };
const group = { logGroupName: 'tempus' };
const stream = { ...group, logStreamName: 'a/web/1' };

beforeEach(() => {
  now = 1_700_000_000_000;
  logs = new LogsModel({ clock });
});

const texts = (page: { events?: { message?: string | undefined }[] | undefined }) =>
  page.events?.map(({ message }) => message);

describe('reading one stream', () => {
  beforeEach(() => logs.put('tempus', 'a/web/1', ['1', '2', '3', '4', '5']));

  test('starts at the tail, or at the head when asked', async () => {
    expect(texts(await logs.getLogEvents({ ...stream, limit: 2 }))).toEqual(['4', '5']);
    expect(texts(await logs.getLogEvents({ ...stream, limit: 2, startFromHead: true }))).toEqual(['1', '2']);
  });

  test('goes forward to the end, where the token stays the same until something is written', async () => {
    const first = await logs.getLogEvents({ ...stream, limit: 3, startFromHead: true });
    const next = (nextToken: string | undefined) => logs.getLogEvents({ ...stream, limit: 3, nextToken });
    const second = await next(first.nextForwardToken);
    expect(texts(second)).toEqual(['4', '5']);
    const third = await next(second.nextForwardToken);
    expect(third).toMatchObject({ events: [], nextForwardToken: second.nextForwardToken });
    logs.put('tempus', 'a/web/1', ['6']);
    expect(texts(await next(third.nextForwardToken))).toEqual(['6']);
  });

  test('goes backward to the beginning', async () => {
    const tail = await logs.getLogEvents({ ...stream, limit: 3 });
    const before = await logs.getLogEvents({ ...stream, nextToken: tail.nextBackwardToken });
    expect(texts(before)).toEqual(['1', '2']);
    const end = await logs.getLogEvents({ ...stream, nextToken: before.nextBackwardToken });
    expect(end).toMatchObject({ events: [], nextBackwardToken: before.nextBackwardToken });
  });

  test('refuses a token that it never gave', async () => {
    await expect(logs.getLogEvents({ ...stream, nextToken: 'x' })).rejects.toMatchObject({
      name: 'InvalidParameterException',
    });
  });
});

describe('filtering many streams', () => {
  beforeEach(() => {
    for (const [name, line] of [
      ['a/1', 'a1'],
      ['b/1', 'b1'],
      ['a/2', 'a2'],
      ['a/1', 'a3'],
    ] as const) {
      now += 1000;
      logs.put('tempus', name, [line]);
    }
  });

  test('merges them in the order of time, page by page', async () => {
    const first = await logs.filterLogEvents({ ...group, limit: 3 });
    expect(texts(first)).toEqual(['a1', 'b1', 'a2']);
    const second = await logs.filterLogEvents({ ...group, limit: 3, nextToken: first.nextToken });
    expect(texts(second)).toEqual(['a3']);
    expect(second.nextToken).toBeUndefined();
  });

  test('takes a prefix or names, a start and an end that is exclusive', async () => {
    expect(texts(await logs.filterLogEvents({ ...group, logStreamNamePrefix: 'a/' }))).toEqual([
      'a1',
      'a2',
      'a3',
    ]);
    expect(texts(await logs.filterLogEvents({ ...group, logStreamNames: ['b/1'] }))).toEqual(['b1']);
    const range = { startTime: now - 2000, endTime: now };
    expect(texts(await logs.filterLogEvents({ ...group, ...range }))).toEqual(['b1', 'a2']);
  });

  test('can begin with the latest', async () => {
    const first = await logs.filterLogEvents({ ...group, limit: 2, startFromHead: false });
    expect(texts(first)).toEqual(['a3', 'a2']);
    expect(texts(await logs.filterLogEvents({ ...group, nextToken: first.nextToken }))).toEqual(['b1', 'a1']);
  });
});

describe('bounds', () => {
  test('a stream keeps its newest events and their tokens', async () => {
    logs = new LogsModel({ clock, bounds: { events: 10, bytes: 1e6 } });
    for (let i = 0; i < 25; i += 1) logs.put('tempus', 'a/web/1', [String(i)]);
    const page = await logs.getLogEvents({ ...stream, startFromHead: true });
    expect(page.events?.length).toBeLessThanOrEqual(10);
    expect(texts(page)?.at(-1)).toBe('24');
    expect(page.nextForwardToken).toBe('f/25');
  });

  test('a stream stays within its bytes', async () => {
    logs = new LogsModel({ clock, bounds: { events: 1000, bytes: 1000 } });
    for (let i = 0; i < 50; i += 1) logs.put('tempus', 'a/web/1', ['x'.repeat(100)]);
    const { logGroups } = await logs.describeLogGroups({});
    expect(logGroups?.[0]?.storedBytes).toBeLessThanOrEqual(1000);
  });

  test('an event is cut at 256 KiB without breaking a character', async () => {
    logs.put('tempus', 'a/web/1', ['é'.repeat(200_000)]);
    const [event] = (await logs.getLogEvents(stream)).events ?? [];
    expect(Buffer.byteLength(event!.message!)).toBeLessThanOrEqual(256 * 1024);
    expect(event!.message).toMatch(/^é+$/);
  });
});

describe('on disk', () => {
  let path: string;
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), 'tempus-logs-'));
    logs = new LogsModel({ clock, path });
  });
  afterEach(() => rmSync(path, { recursive: true }));

  const streamFile = () => {
    const folder = join(path, readdirSync(path)[0]!);
    return join(
      folder,
      readdirSync(folder).find((name) => name.endsWith('.jsonl'))!,
    );
  };

  test('groups, retention, streams and events survive a restart', async () => {
    await logs.createLogGroup(group);
    await logs.putRetentionPolicy({ ...group, retentionInDays: 3 });
    logs.put('tempus', 'a/web/1', ['1', '2']);
    const page = await logs.getLogEvents(stream);
    logs = new LogsModel({ clock, path });
    expect(await logs.getLogEvents(stream)).toEqual(page);
    expect((await logs.describeLogGroups({})).logGroups).toMatchObject([{ retentionInDays: 3 }]);
  });

  test('half a line that a kill left behind does not spoil the next one', async () => {
    logs.put('tempus', 'a/web/1', ['1']);
    appendFileSync(streamFile(), '{"seq":1,"mess');
    logs = new LogsModel({ clock, path });
    logs.put('tempus', 'a/web/1', ['2']);
    logs = new LogsModel({ clock, path });
    expect(texts(await logs.getLogEvents(stream))).toEqual(['1', '2']);
  });

  test('a dropped event leaves the file too, and a deleted stream leaves none', async () => {
    logs = new LogsModel({ clock, path, bounds: { events: 10, bytes: 1e6 } });
    for (let i = 0; i < 100; i += 1) logs.put('tempus', 'a/web/1', ['x'.repeat(100)]);
    expect(statSync(streamFile()).size).toBeLessThan(3000);
    await logs.deleteLogStream(stream);
    logs = new LogsModel({ clock, path });
    expect((await logs.describeLogStreams(group)).logStreams).toEqual([]);
  });
});
