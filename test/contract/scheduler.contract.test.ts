import type { Scheduler } from '@aws-sdk/client-scheduler';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { SchedulerModel } from '../../localcloud/scheduler/model.ts';
import type { SchedulerState } from '../../localcloud/scheduler/state.ts';
import { createInvoke } from '../../localcloud/scheduler/targets.ts';
import { memoryState, type StateStore } from '../../localcloud/state.ts';
import { silentLog as log } from '../../platform/log.ts';
import { ManualClock } from '../fakes/clock.ts';
import { describeCoverage } from './coverage.ts';
import { uniqueName, useContract } from './endpoint.ts';

const TARGET = {
  Arn: 'arn:aws:lambda:us-east-1:000000000000:function:f',
  RoleArn: 'arn:aws:iam::000000000000:role/r',
};
const schedule = (Name: string, ScheduleExpression = 'rate(1 hour)') => ({
  Name,
  ScheduleExpression,
  FlexibleTimeWindow: { Mode: 'OFF' as const },
  Target: TARGET,
});

describe('over the wire', () => {
  const contract = useContract();
  let scheduler: Scheduler;
  let GroupName: string;

  beforeEach(async () => {
    ({ scheduler } = contract.clients);
    GroupName = uniqueName();
    await scheduler.createScheduleGroup({ Name: GroupName });
    contract.undo(() => scheduler.deleteScheduleGroup({ Name: GroupName }));
  });

  test('a schedule is what it was created as, until it is updated, and then exactly what the update says', async () => {
    await scheduler.createSchedule({ ...schedule('a'), GroupName, Description: 'first', State: 'DISABLED' });
    expect(await scheduler.getSchedule({ GroupName, Name: 'a' })).toMatchObject({
      ScheduleExpression: 'rate(1 hour)',
      Description: 'first',
      State: 'DISABLED',
      ActionAfterCompletion: 'NONE',
      Target: TARGET,
    });
    await scheduler.updateSchedule({ ...schedule('a', 'rate(2 hours)'), GroupName });
    const updated = await scheduler.getSchedule({ GroupName, Name: 'a' });
    expect(updated).toMatchObject({ ScheduleExpression: 'rate(2 hours)', State: 'ENABLED' });
    expect(updated.Description).toBeUndefined();
  });

  test('schedules are listed by group and prefix, page by page', async () => {
    for (const name of ['a-1', 'a-2', 'b-1'])
      await scheduler.createSchedule({ ...schedule(name), GroupName });
    const first = await scheduler.listSchedules({ GroupName, NamePrefix: 'a', MaxResults: 1 });
    const second = await scheduler.listSchedules({
      GroupName,
      NamePrefix: 'a',
      MaxResults: 1,
      NextToken: first.NextToken,
    });
    expect([...first.Schedules!, ...second.Schedules!].map(({ Name }) => Name)).toEqual(['a-1', 'a-2']);
    expect(second.NextToken).toBeUndefined();
  });

  test('names are unique in a group, and deleting one twice says that it is gone', async () => {
    await scheduler.createSchedule({ ...schedule('a'), GroupName });
    const exists = { name: 'ConflictException' };
    await expect(scheduler.createSchedule({ ...schedule('a'), GroupName })).rejects.toMatchObject(exists);
    await expect(scheduler.createScheduleGroup({ Name: GroupName })).rejects.toMatchObject(exists);
    await scheduler.deleteSchedule({ GroupName, Name: 'a' });
    const gone = { name: 'ResourceNotFoundException' };
    await expect(scheduler.deleteSchedule({ GroupName, Name: 'a' })).rejects.toMatchObject(gone);
    await expect(scheduler.getSchedule({ GroupName, Name: 'a' })).rejects.toMatchObject(gone);
    await expect(scheduler.updateSchedule({ ...schedule('a'), GroupName })).rejects.toMatchObject(gone);
    await expect(scheduler.createSchedule({ ...schedule('a'), GroupName: 'absent' })).rejects.toMatchObject(
      gone,
    );
  });

  test.each(['every hour', 'rate(0 minutes)', 'rate(1.5 hours)', 'at(tomorrow)', 'at(2026-13-01T00:00:00)'])(
    'the expression %s is refused',
    async (expression) => {
      const created = scheduler.createSchedule({ ...schedule('a', expression), GroupName });
      await expect(created).rejects.toMatchObject({ name: 'ValidationException' });
    },
  );

  test('groups are found and listed page by page, and take their schedules with them', async () => {
    await scheduler.createSchedule({ ...schedule('a'), GroupName });
    expect(await scheduler.getScheduleGroup({ Name: GroupName })).toMatchObject({
      Name: GroupName,
      State: 'ACTIVE',
    });
    const second = `${GroupName}-2`;
    await scheduler.createScheduleGroup({ Name: second });
    contract.undo(() => scheduler.deleteScheduleGroup({ Name: second }));
    const page = (NextToken?: string) =>
      scheduler.listScheduleGroups({ NamePrefix: GroupName, MaxResults: 1, NextToken });
    const first = await page();
    expect(first.ScheduleGroups).toMatchObject([{ Name: GroupName }]);
    const last = await page(first.NextToken);
    expect(last.ScheduleGroups).toMatchObject([{ Name: second }]);
    expect(last.NextToken).toBeUndefined();
    await scheduler.deleteScheduleGroup({ Name: GroupName });
    // AWS deletes a group little by little, and then it is gone with all that was in it.
    await vi.waitFor(async () => {
      const gone = { name: 'ResourceNotFoundException' };
      await expect(scheduler.getScheduleGroup({ Name: GroupName })).rejects.toMatchObject(gone);
      await expect(scheduler.deleteScheduleGroup({ Name: GroupName })).rejects.toMatchObject(gone);
      await expect(scheduler.listSchedules({ GroupName })).rejects.toMatchObject(gone);
    });
  });

  test('schedules are listed by state, of a target only the ARN', async () => {
    await scheduler.createSchedule({ ...schedule('on'), GroupName });
    await scheduler.createSchedule({ ...schedule('off'), GroupName, State: 'DISABLED' });
    const { Schedules } = await scheduler.listSchedules({ GroupName, State: 'DISABLED' });
    expect(Schedules).toMatchObject([{ Name: 'off', State: 'DISABLED', Target: { Arn: TARGET.Arn } }]);
    expect(Schedules![0]!.Target).not.toHaveProperty('RoleArn');
  });

  test.each<[string, (page: object) => Promise<unknown>]>([
    ['ListSchedules', (page) => scheduler.listSchedules({ GroupName, ...page })],
    ['ListScheduleGroups', (page) => scheduler.listScheduleGroups(page)],
  ])(
    '%s refuses a token that it did not give, and a page that is too small or too large',
    async (_name, list) => {
      const invalid = { name: 'ValidationException' };
      await expect(list({ NextToken: 'AAAA' })).rejects.toMatchObject(invalid);
      await expect(list({ MaxResults: 0 })).rejects.toMatchObject(invalid);
      await expect(list({ MaxResults: 101 })).rejects.toMatchObject(invalid);
    },
  );

  test.each<[string, object]>([
    ['a name of 65 characters', { Name: 'a'.repeat(65) }],
    ['a name with a space', { Name: 'a b' }],
    [
      'a window that is off and has a length',
      { FlexibleTimeWindow: { Mode: 'OFF', MaximumWindowInMinutes: 1 } },
    ],
    [
      'a window of a day and a minute',
      { FlexibleTimeWindow: { Mode: 'FLEXIBLE', MaximumWindowInMinutes: 1_441 } },
    ],
    ['more than 185 retries', { Target: { ...TARGET, RetryPolicy: { MaximumRetryAttempts: 186 } } }],
    ['events that are too young', { Target: { ...TARGET, RetryPolicy: { MaximumEventAgeInSeconds: 59 } } }],
    ['an unknown state', { State: 'PAUSED' }],
    ['a target without a role', { Target: { Arn: TARGET.Arn } }],
  ])('a schedule with %s is refused, and nothing is created', async (_what, wrong) => {
    const created = scheduler.createSchedule({ ...schedule('a'), GroupName, ...wrong });
    await expect(created).rejects.toMatchObject({ name: 'ValidationException' });
    expect((await scheduler.listSchedules({ GroupName })).Schedules).toEqual([]);
  });

  test('an update that is refused leaves the schedule as it was', async () => {
    await scheduler.createSchedule({ ...schedule('a'), GroupName });
    const update = scheduler.updateSchedule({ ...schedule('a', 'rate(0 minutes)'), GroupName });
    await expect(update).rejects.toMatchObject({ name: 'ValidationException' });
    const { ScheduleExpression } = await scheduler.getSchedule({ GroupName, Name: 'a' });
    expect(ScheduleExpression).toBe('rate(1 hour)');
  });

  test('the default group is there, and stays', async () => {
    expect(await scheduler.getScheduleGroup({ Name: 'default' })).toMatchObject({ State: 'ACTIVE' });
    const removed = scheduler.deleteScheduleGroup({ Name: 'default' });
    await expect(removed).rejects.toMatchObject({ name: 'ValidationException' });
  });

  describeCoverage('scheduler', contract);
});

describe('firing', () => {
  let clock: ManualClock;
  let state: StateStore<SchedulerState>;
  let fired: unknown[];
  let model: SchedulerModel;
  let fail: boolean;

  const open = () => {
    const functions = {
      f: async (event: unknown) => {
        if (fail) throw new Error('not now');
        fired.push(event);
      },
    };
    const ecs = {
      updateService: async (input: unknown) => {
        fired.push(input);
      },
    };
    model = new SchedulerModel({
      clock,
      log,
      state,
      invoke: createInvoke({ ecs, functions }),
      minuteMs: 60_000,
    });
    model.start();
  };

  beforeEach(() => {
    clock = new ManualClock('2026-01-01T00:00:00Z');
    state = memoryState();
    fired = [];
    fail = false;
    open();
  });
  afterEach(() => model.stop());

  test('a rate fires at once, and again and again until it is disabled', async () => {
    await model.createSchedule(schedule('a', 'rate(1 minute)'));
    await clock.advance(180_000);
    expect(fired).toHaveLength(4);
    await model.updateSchedule({ ...schedule('a', 'rate(1 minute)'), State: 'DISABLED' });
    await clock.advance(180_000);
    expect(fired).toHaveLength(4);
  });

  test('a fuse fires once, at its second, with the input of the API, and deletes itself', async () => {
    await model.createSchedule({
      ...schedule('fuse', 'at(2026-01-01T02:00:00)'),
      ActionAfterCompletion: 'DELETE',
      Target: {
        Arn: 'arn:aws:scheduler:::aws-sdk:ecs:updateService',
        RoleArn: TARGET.RoleArn,
        Input: '{"Cluster":"c","Service":"s","DesiredCount":0}',
      },
    });
    await clock.advance(7_199_000);
    expect(fired).toEqual([]);
    await clock.advance(1_000);
    expect(fired).toEqual([{ cluster: 'c', service: 's', desiredCount: 0 }]);
    await expect(model.getSchedule({ Name: 'fuse' })).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
  });

  test('a schedule that was moved does not fire at its old time', async () => {
    await model.createSchedule(schedule('a', 'at(2026-01-01T01:00:00)'));
    await model.updateSchedule(schedule('a', 'at(2026-01-01T03:00:00)'));
    await clock.advance(2 * 3_600_000);
    expect(fired).toEqual([]);
    await clock.advance(3_600_000);
    expect(fired).toHaveLength(1);
  });

  test('one that came due while nobody ran fires at the next start, and one that has fired does not', async () => {
    await model.createSchedule(schedule('late', 'at(2026-01-01T01:00:00)'));
    await model.stop();
    await clock.advance(2 * 3_600_000);
    expect(fired).toEqual([]);
    open();
    await clock.advance(0);
    expect(fired).toHaveLength(1);
    await model.stop();
    open();
    await clock.advance(3_600_000);
    expect(fired).toHaveLength(1);
  });

  test('a target that fails is tried again, and a stop leaves no timer', async () => {
    fail = true;
    await model.createSchedule(schedule('a', 'at(2026-01-01T00:01:00)'));
    await clock.advance(60_000);
    fail = false;
    await clock.advance(5_000);
    expect(fired).toHaveLength(1);
    await model.createSchedule(schedule('b'));
    await model.stop();
    expect(clock.pending).toBe(0);
  });
});
