import type { CreateScheduleCommandInput } from '@aws-sdk/client-scheduler';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SchedulerModel } from '../localcloud/scheduler/model.ts';
import type { SchedulerState } from '../localcloud/scheduler/state.ts';
import { createInvoke } from '../localcloud/scheduler/targets.ts';
import { memoryState, type StateStore } from '../localcloud/state.ts';
import { silentLog as log } from '../platform/log.ts';
import { ManualClock } from './fakes/clock.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const START = '2026-01-01T00:00:00Z';
const Target = { Arn: 'arn:aws:lambda:us-east-1:000000000000:function:f', RoleArn: 'role' };

function schedule(
  Name: string,
  ScheduleExpression: string,
  more: Partial<CreateScheduleCommandInput> = {},
): CreateScheduleCommandInput {
  return { Name, ScheduleExpression, FlexibleTimeWindow: { Mode: 'OFF' }, Target, ...more };
}

let clock: ManualClock;
let state: StateStore<SchedulerState>;
let model: SchedulerModel;
/** When the function was called, in minutes since the start. */
let calls: number[];
let f: () => Promise<unknown>;

function open(): void {
  const functions = {
    f: async () => {
      calls.push((clock.now().getTime() - Date.parse(START)) / MINUTE);
      await f();
    },
  };
  const ecs = { updateService: async () => undefined };
  model = new SchedulerModel({ clock, log, state, invoke: createInvoke({ ecs, functions }) });
  model.start();
}

beforeEach(() => {
  clock = new ManualClock(START);
  state = memoryState();
  calls = [];
  f = async () => undefined;
  open();
});
afterEach(async () => {
  await model.stop();
  expect(clock.pending).toBe(0);
});

describe('one-time schedules', () => {
  test('a time that has passed is accepted and fires at once', async () => {
    await model.createSchedule(schedule('a', 'at(2022-12-31T23:59:59)'));
    await clock.advance(0);
    expect(calls).toEqual([0]);
    expect((await model.getSchedule({ Name: 'a' })).State).toBe('ENABLED');
    await clock.advance(HOUR);
    expect(calls).toEqual([0]);
  });

  test('the time is that of the wall clock, though it steps', async () => {
    await model.createSchedule(schedule('early', 'at(2026-01-01T01:00:00)'));
    clock.step(-10 * MINUTE);
    await clock.advance(65 * MINUTE);
    expect(calls).toEqual([]);
    clock.step(10 * MINUTE);
    await clock.advance(MINUTE);
    expect(calls).toHaveLength(1);
  });

  test('a time weeks away outlives the longest timer', async () => {
    await model.createSchedule(schedule('a', 'at(2026-02-01T00:00:00)'));
    await clock.advance(30 * 24 * HOUR);
    expect(calls).toEqual([]);
    await clock.advance(24 * HOUR);
    expect(calls).toEqual([31 * 24 * 60]);
  });

  test('one that is disabled never fires, and fires when it is enabled late', async () => {
    await model.createSchedule(schedule('a', 'at(2026-01-01T00:01:00)', { State: 'DISABLED' }));
    await clock.advance(HOUR);
    expect(calls).toEqual([]);
    await model.updateSchedule(schedule('a', 'at(2026-01-01T00:01:00)'));
    await clock.advance(0);
    expect(calls).toEqual([60]);
  });

  test('one that is deleted does not fire, nor is it tried again', async () => {
    f = () => Promise.reject(new Error('not now'));
    await model.createSchedule(schedule('failing', 'at(2026-01-01T00:01:00)'));
    await model.createSchedule(schedule('waiting', 'at(2026-01-01T00:02:00)'));
    await clock.advance(MINUTE);
    await model.deleteSchedule({ Name: 'failing' });
    await model.deleteSchedule({ Name: 'waiting' });
    await clock.advance(HOUR);
    expect(calls).toEqual([1]);
  });
});

describe('rates', () => {
  test('keep their rhythm over a restart', async () => {
    await model.createSchedule(schedule('a', 'rate(10 minutes)'));
    await clock.advance(14 * MINUTE);
    await model.stop();
    await clock.advance(2 * MINUTE);
    open();
    await clock.advance(15 * MINUTE);
    expect(calls).toEqual([0, 10, 20, 30]);
  });

  test('are not held up by a wall clock that is set back', async () => {
    await model.createSchedule(schedule('a', 'rate(10 minutes)'));
    await clock.advance(0);
    clock.step(-5 * HOUR);
    await clock.advance(30 * MINUTE);
    expect(calls).toHaveLength(4);
  });

  test('retry only for their newest firing', async () => {
    f = () => Promise.reject(new Error('down'));
    await model.createSchedule(schedule('a', 'rate(1 minute)'));
    await clock.advance(10 * MINUTE - 1);
    // At 0, 1, 3, 7, 15 and 31 seconds of each minute; without the rule there would be more with every minute.
    expect(calls).toHaveLength(60);
  });
});

describe('a target that fails', () => {
  test('is tried as often as its policy says, with growing pauses, and the schedule is over then', async () => {
    f = () => Promise.reject(new Error('down'));
    const RetryPolicy = { MaximumRetryAttempts: 2 };
    await model.createSchedule(
      schedule('a', 'at(2026-01-01T00:01:00)', {
        Target: { ...Target, RetryPolicy },
        ActionAfterCompletion: 'DELETE',
      }),
    );
    await clock.advance(HOUR);
    expect(calls.map((minute) => Math.round(minute * 60))).toEqual([60, 61, 63]);
    await expect(model.getSchedule({ Name: 'a' })).rejects.toThrow('does not exist');
  });

  test('is not tried when the event is older than its policy allows', async () => {
    f = () => Promise.reject(new Error('down'));
    const RetryPolicy = { MaximumEventAgeInSeconds: 60 };
    await model.createSchedule(
      schedule('a', 'at(2026-01-01T00:01:00)', { Target: { ...Target, RetryPolicy } }),
    );
    await clock.advance(HOUR);
    expect(calls.map((minute) => Math.round(minute * 60))).toEqual([60, 61, 63, 67, 75, 91]);
  });

  test('whose retries a stop cut off is invoked again by the next start', async () => {
    f = () => Promise.reject(new Error('down'));
    await model.createSchedule(schedule('a', 'at(2026-01-01T00:01:00)'));
    await clock.advance(MINUTE);
    await model.stop();
    f = async () => undefined;
    open();
    await clock.advance(0);
    expect(calls).toEqual([1, 1]);
    await clock.advance(HOUR);
    expect(calls).toEqual([1, 1]);
  });

  test('that does not exist leaves the schedule standing', async () => {
    const unknown = { Arn: 'arn:aws:sqs:us-east-1:000000000000:queue', RoleArn: 'role' };
    await model.createSchedule(schedule('a', 'rate(1 hour)', { Target: unknown }));
    await clock.advance(MINUTE);
    expect((await model.getSchedule({ Name: 'a' })).Target?.Arn).toBe(unknown.Arn);
  });

  test('a stop waits for what has begun', async () => {
    const gate = Promise.withResolvers<void>();
    f = () => gate.promise;
    await model.createSchedule(schedule('a', 'at(2026-01-01T00:01:00)'));
    await clock.advance(MINUTE);
    let stopped = false;
    const stopping = model.stop().then(() => (stopped = true));
    await clock.advance(0);
    expect(stopped).toBe(false);
    gate.resolve();
    await stopping;
  });
});

describe('what is asked for', () => {
  const refused = (input: Partial<CreateScheduleCommandInput>) =>
    expect(model.createSchedule(schedule('a', 'rate(1 hour)', input))).rejects.toMatchObject({
      name: 'ValidationException',
    });

  test.each<[string, Partial<CreateScheduleCommandInput>]>([
    ['a name with a space', { Name: 'a b' }],
    ['a name that is too long', { Name: 'a'.repeat(65) }],
    ['no target', { Target: undefined }],
    ['a target without a role', { Target: { Arn: 'a', RoleArn: undefined } }],
    ['no window', { FlexibleTimeWindow: undefined }],
    ['a flexible window of no length', { FlexibleTimeWindow: { Mode: 'FLEXIBLE' } }],
    ['a length for no window', { FlexibleTimeWindow: { Mode: 'OFF', MaximumWindowInMinutes: 5 } }],
    ['an unknown state', { State: 'ON' as 'ENABLED' }],
    ['too many retries', { Target: { ...Target, RetryPolicy: { MaximumRetryAttempts: 186 } } }],
    ['too short an age', { Target: { ...Target, RetryPolicy: { MaximumEventAgeInSeconds: 59 } } }],
    ['a day that does not exist', { ScheduleExpression: 'at(2026-02-30T00:00:00)' }],
    ['a zone in the time', { ScheduleExpression: 'at(2026-02-03T00:00:00Z)' }],
    ['a rate of seconds', { ScheduleExpression: 'rate(10 seconds)' }],
  ])('%s is refused', async (_, input) => {
    await refused(input);
    expect((await model.listSchedules({})).Schedules).toEqual([]);
  });

  test.each<[string, Partial<CreateScheduleCommandInput>]>([
    ['cron', { ScheduleExpression: 'cron(0 1 * * ? *)' }],
    ['a time zone', { ScheduleExpressionTimezone: 'Europe/Berlin' }],
    ['an end', { EndDate: new Date(START) }],
    ['a dead-letter queue', { Target: { ...Target, DeadLetterConfig: { Arn: 'queue' } } }],
  ])('%s is refused because it is not modelled, not dropped', async (_, input) => {
    await expect(model.createSchedule(schedule('a', 'rate(1 hour)', input))).rejects.toThrow('not modelled');
  });

  test('the default retry policy is written in, as AWS answers it', async () => {
    await model.createSchedule(schedule('a', 'rate(1 hour)'));
    expect((await model.getSchedule({ Name: 'a' })).Target?.RetryPolicy).toEqual({
      MaximumRetryAttempts: 185,
      MaximumEventAgeInSeconds: 86_400,
    });
  });

  test('a list of pages skips nothing when schedules go between two calls', async () => {
    for (const name of ['a', 'b', 'c', 'd']) await model.createSchedule(schedule(name, 'rate(1 hour)'));
    const first = await model.listSchedules({ MaxResults: 2 });
    await model.deleteSchedule({ Name: 'a' });
    await model.deleteSchedule({ Name: 'b' });
    const second = await model.listSchedules({ MaxResults: 2, NextToken: first.NextToken });
    expect(second.Schedules?.map(({ Name }) => Name)).toEqual(['c', 'd']);
    expect(second.NextToken).toBeUndefined();
    await expect(model.listSchedules({ MaxResults: 101 })).rejects.toThrow('MaxResults');
    await expect(model.listSchedules({ NextToken: '%' })).rejects.toThrow('NextToken');
  });

  test('schedules of one name live in two groups, and go with their own', async () => {
    await model.createScheduleGroup({ Name: 'g' });
    await model.createSchedule(schedule('a', 'rate(1 hour)', { State: 'DISABLED' }));
    await model.createSchedule(schedule('a', 'rate(1 hour)', { GroupName: 'g' }));
    expect((await model.listSchedules({ State: 'ENABLED' })).Schedules).toMatchObject([{ GroupName: 'g' }]);
    await model.deleteScheduleGroup({ Name: 'g' });
    expect((await model.listSchedules({})).Schedules).toMatchObject([{ GroupName: 'default' }]);
    await expect(model.listSchedules({ GroupName: 'g' })).rejects.toThrow('does not exist');
    await expect(model.deleteScheduleGroup({ Name: 'default' })).rejects.toThrow('default');
  });
});
