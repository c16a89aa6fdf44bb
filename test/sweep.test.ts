import { InternalServerException } from '@aws-sdk/client-scheduler';
import { beforeEach, describe, expect, test } from 'vitest';
import { resourceTags } from '../preview/names.ts';
import type { PreviewRow } from '../preview/record.ts';
import { sdkError, useReconciler } from './reconcile-world.ts';
import { allow, Broom, fuse, kindsOf, land, MINUTE, nth } from './sweep-world.ts';

const ALL = ['listener-rule', 'schedule', 'service', 'target-group', 'task-definition'];

const world = useReconciler({ albs: [10, 10] });
let broom: Broom;
beforeEach(() => {
  broom = new Broom(world);
});

const left = async (id: string) => (await world.left(id)).toSorted();

describe('what a late call leaves', () => {
  test('after Deleted is gone within 15 minutes, of every kind', async () => {
    const row = await world.ready();
    await world.remove(row.id);
    await world.until(row.id, ({ phase }) => phase === 'Deleted');
    await land(world, row);
    await world.clock.advance(2 * MINUTE);
    expect(kindsOf((await broom.sweep()).orphans)).toEqual(ALL);
    await world.clock.advance(2 * MINUTE);
    const reports = await broom.sweepFor(10);
    expect(await left(row.id)).toEqual([]);
    expect(kindsOf(reports.flatMap(({ deleted }) => deleted))).toEqual(ALL);
  });

  test('without any record is gone as well, its schedule with it, and the schedule of the expiry stays', async () => {
    const { config, scheduler } = world;
    await land(world, nth(1));
    await scheduler.createSchedule(fuse('tempus-expire', config.schedule_group));
    await scheduler.createSchedule(fuse('tempus-dead0001', 'default'));
    await broom.sweepFor(14);
    expect(await world.fuses()).toEqual(['tempus-expire']);
    await scheduler.getSchedule({ Name: 'tempus-dead0001', GroupName: 'default' });
    await scheduler.deleteSchedule({ Name: 'tempus-expire', GroupName: config.schedule_group });
    expect(await left(nth(1).id)).toEqual([]);
  });

  test('goes only when it was seen twice, five minutes apart, by one leader', async () => {
    await land(world, nth(1));
    await broom.sweep();
    await world.clock.advance(5 * MINUTE - 1);
    expect((await broom.sweep()).deleted).toEqual([]);
    broom.sightings = new Map();
    await world.clock.advance(5 * MINUTE);
    expect((await broom.sweep()).deleted).toEqual([]);
    expect(await left(nth(1).id)).toEqual(ALL);
    await world.clock.advance(5 * MINUTE);
    expect((await broom.sweep()).deleted).not.toEqual([]);
  });

  test('and an interruption by one sweep that did not see it starts the count anew', async () => {
    await land(world, nth(1));
    await broom.sweep();
    const hidden = [
      'listServices',
      'listTaskDefinitionFamilies',
      'listSchedules',
      'describeTargetGroups',
      'describeRules',
    ];
    for (const call of hidden) world.twists.set(call, async () => ({}));
    await world.clock.advance(3 * MINUTE);
    await broom.sweep();
    world.twists.clear();
    await world.clock.advance(3 * MINUTE);
    expect((await broom.sweep()).deleted).toEqual([]);
  });

  test('what a service hangs on, and the fuse that would stop it, stay until it has drained', async () => {
    const { twists, clock, ecs, config } = world;
    await land(world, nth(1));
    // As on AWS, where a task has its time to end: the service is listed no more, but described.
    let draining = false;
    twists.set('deleteService', async () => {
      draining = true;
      return {};
    });
    twists.set('listServices', async (proceed) => (draining ? { serviceArns: [] } : proceed()));
    twists.set('describeServices', async (proceed) => {
      const { services = [] } = (await proceed()) as { services?: object[] };
      return { services: services.map((one) => ({ ...one, ...(draining ? { status: 'DRAINING' } : {}) })) };
    });
    await broom.sweepFor(12);
    expect(draining).toBe(true);
    expect(await left(nth(1).id)).toEqual(['schedule', 'service', 'target-group', 'task-definition']);
    twists.clear();
    await ecs.deleteService({ cluster: config.cluster, service: `tempus-${nth(1).id}`, force: true });
    await clock.advance(MINUTE);
    await broom.sweepFor(2);
    expect(await left(nth(1).id)).toEqual([]);
  });

  test('a target group that a rule of somebody else still uses waits for it, and is not called deleted', async () => {
    await land(world, nth(1));
    const group = await world.group(nth(1).id);
    const { Rules } = await world.elbv2.createRule({
      ListenerArn: world.config.albs[0]!.listener_arn,
      Priority: 77,
      ...allow,
      Actions: [{ Type: 'forward', TargetGroupArn: group!.TargetGroupArn }],
    });
    const reports = await broom.sweepFor(14);
    expect(kindsOf(reports.flatMap(({ deleted }) => deleted))).not.toContain('target-group');
    expect(kindsOf(reports.at(-1)!.orphans)).toEqual(['target-group']);
    await world.elbv2.deleteRule({ RuleArn: Rules![0]!.RuleArn });
    await broom.sweepFor(2);
    expect(await world.group(nth(1).id)).toBeUndefined();
  });

  test('every revision of a family goes, active or not', async () => {
    await land(world, nth(1));
    const [arn] = await world.revisions();
    const { taskDefinition } = await world.ecs.describeTaskDefinition({ taskDefinition: arn });
    const { family, cpu, memory, networkMode, containerDefinitions } = taskDefinition!;
    const tags = resourceTags('test', nth(1), 'task-definition').map(({ Key, Value }) => ({
      key: Key,
      value: Value,
    }));
    await world.ecs.registerTaskDefinition({ family, cpu, memory, networkMode, containerDefinitions, tags });
    await world.ecs.deregisterTaskDefinition({ taskDefinition: arn });
    await broom.sweepFor(14);
    expect(await world.revisions()).toEqual([]);
  });

  test('a slot that its preview holds after its end is free again', async () => {
    const row = await world.ready();
    await world.remove(row.id);
    await world.until(row.id, ({ phase }) => phase === 'Deleted');
    await world.deps.coordination.reserveSlots('alb-1', [{ n: 7, holder: row.preview_id }]);
    const held = async () => (await world.deps.coordination.readSlots('alb-1')).owners;
    await broom.sweep();
    await world.clock.advance(4 * MINUTE);
    await broom.sweep();
    expect(await held()).toEqual({ [row.preview_id]: 7 });
    await world.clock.advance(2 * MINUTE);
    expect((await broom.sweep()).deleted).toMatchObject([{ kind: 'slot', id: row.id }]);
    expect(await held()).toEqual({});
  });
});

describe('what is not touched', () => {
  const standing = async () => [
    (await world.service('dead0001'))?.status,
    (await world.group('dead0001'))?.TargetGroupName,
    (await world.rules()).length,
    (await world.revisions()).length,
  ];
  const survives = async () => {
    const [before, changes] = [await standing(), world.changes.length];
    const reports = await broom.sweepFor(20);
    expect(world.changes.slice(changes)).toEqual([]);
    expect(reports.flatMap(({ orphans, deleted }) => [...orphans, ...deleted])).toEqual([]);
    expect(await standing()).toEqual(before);
  };

  test("another install's resources, whatever their names", async () => {
    await land(world, nth(1), { install: 'other' });
    await survives();
  });

  test('resources of our names without any tags', async () => {
    await land(world, nth(1), { tagged: false });
    await survives();
  });

  test("the install's own parts, which carry its tag and no preview's", async () => {
    const { TargetGroups } = await world.elbv2.createTargetGroup({
      Name: 'tempus-api',
      Protocol: 'HTTP',
      Port: 80,
      VpcId: 'vpc-1',
      TargetType: 'ip',
      Tags: [{ Key: 'tempus:install', Value: 'test' }],
    });
    await world.elbv2.createRule({
      ListenerArn: world.config.albs[0]!.listener_arn,
      Priority: 50_000,
      ...allow,
      Actions: [{ Type: 'forward', TargetGroupArn: TargetGroups![0]!.TargetGroupArn }],
      Tags: [{ Key: 'tempus:install', Value: 'test' }],
    });
    await survives();
  });

  test('everything that a preview that lives, or one that is being destroyed, has', async () => {
    const [serving, ending] = [await world.ready(), await world.ready()];
    await world.remove(ending.id);
    const changed = world.changes.length;
    const reports = await broom.sweepFor(20);
    expect(world.changes.slice(changed)).toEqual([]);
    expect(reports.flatMap(({ orphans }) => orphans)).toEqual([]);
    expect((await world.service(serving.id))?.status).toBe('ACTIVE');
  });

  test('a preview whose record a hand has taken out of the index of the living', async () => {
    const row = await world.ready();
    const { live: _live, ...hidden } = await world.row(row.id);
    await world.client.put({ TableName: 'previews', Item: hidden });
    const reports = await broom.sweepFor(20);
    expect(reports.flatMap(({ deleted }) => deleted)).toEqual([]);
    expect((await world.service(row.id))?.status).toBe('ACTIVE');
  });

  test('a preview that is born between the lists of AWS and of the records', async () => {
    const { preview_id } = nth(1);
    world.twists.set('describeRules', async (proceed) => {
      const listed = await proceed();
      if (!(await world.deps.store.get(preview_id))) {
        await world.create({ ...nth(1) });
        await land(world, nth(1));
      }
      return listed;
    });
    const report = await broom.sweep();
    expect(report.orphans).toEqual([]);
    expect((await broom.sweepFor(20)).flatMap(({ deleted }) => deleted)).toEqual([]);
  });

  test('what a record has come for since it was listed', async () => {
    await land(world, nth(1));
    await broom.sweepFor(6);
    // As an index shows it that lags behind: the list does not name the record, the record itself is there.
    await world.create({ ...nth(1) });
    const { store } = world.deps;
    world.deps.store = Object.assign(Object.create(store) as typeof store, {
      get: (id: string) => store.get(id),
      async *live() {},
    });
    expect((await broom.sweep()).deleted).toEqual([]);
    expect(await left(nth(1).id)).toEqual(ALL);
  });

  test('what carries tempus:keep, which the report tells, until the tag is taken off', async () => {
    await land(world, nth(1));
    const arn = (await world.group(nth(1).id))!.TargetGroupArn!;
    await world.elbv2.addTags({ ResourceArns: [arn], Tags: [{ Key: 'tempus:keep', Value: 'until friday' }] });
    const reports = await broom.sweepFor(14);
    expect(await left(nth(1).id)).toEqual(['target-group']);
    expect(reports.at(-1)).toMatchObject({ kept: [{ kind: 'target-group', id: nth(1).id }], orphans: [] });
    await world.elbv2.addTags({ ResourceArns: [arn], Tags: [{ Key: 'tempus:keep', Value: 'false' }] });
    await broom.sweepFor(8);
    expect(await left(nth(1).id)).toEqual([]);
  });

  test('an older revision that carries tempus:keep', async () => {
    await land(world, nth(1));
    const [arn] = await world.revisions();
    const { taskDefinition } = await world.ecs.describeTaskDefinition({ taskDefinition: arn });
    const { family, cpu, memory, networkMode, containerDefinitions } = taskDefinition!;
    const tags = resourceTags('test', nth(1), 'task-definition').map(({ Key, Value }) => ({
      key: Key,
      value: Value,
    }));
    await world.ecs.tagResource({ resourceArn: arn, tags: [{ key: 'tempus:keep', value: 'yes' }] });
    await world.ecs.registerTaskDefinition({ family, cpu, memory, networkMode, containerDefinitions, tags });
    await broom.sweepFor(14);
    expect(await world.revisions()).toContain(arn);
  });
});

describe('of a preview that lives', () => {
  test('a rule on a load balancer where it holds no slot goes, and its own rules stay', async () => {
    const row = await world.ready();
    const own = (await world.rules()).map(({ RuleArn }) => RuleArn);
    const spare = await spareRule(row, 1);
    const reports = await broom.sweepFor(14);
    expect(reports.flatMap(({ deleted }) => deleted)).toMatchObject([{ kind: 'listener-rule', name: spare }]);
    expect((await world.rules()).map(({ RuleArn }) => RuleArn)).toEqual(own);
  });

  test('a rule that has become its own in the meantime stays', async () => {
    const row = await world.ready();
    await spareRule(row, 1);
    await broom.sweepFor(6);
    const { coordination } = world.deps;
    await coordination.freeSlot('alb-0', 0, row.preview_id);
    await coordination.reserveSlots('alb-1', [{ n: 8, holder: row.preview_id }]);
    expect((await broom.sweep()).deleted).toEqual([]);
  });

  test('what another incarnation of its id left goes, so that it can take its place', async () => {
    await land(world, { id: 'dead0001', preview_id: 'dead0001-1111-4111-8111-111111111111' });
    await world.create({ ...nth(1) });
    await world.pass('dead0001');
    expect(await world.said('dead0001', 'Ready')).toMatchObject({ reason: 'NameConflict' });
    await broom.sweepFor(14);
    expect((await world.service('dead0001'))?.status).toBeUndefined();
    await world.until('dead0001', ({ phase }) => phase === 'Ready');
  });

  /** At the priority of slot 8. */
  async function spareRule(row: PreviewRow, alb: number): Promise<string> {
    const { Rules } = await world.elbv2.createRule({
      ListenerArn: world.config.albs[alb]!.listener_arn,
      Priority: 9,
      ...allow,
      Actions: [{ Type: 'fixed-response', FixedResponseConfig: { StatusCode: '503' } }],
      Tags: resourceTags('test', row, 'listener-rule'),
    });
    return Rules![0]!.RuleArn!;
  }
});

describe('a list that fails', () => {
  test.each([
    ['listServices'],
    ['listTaskDefinitionFamilies'],
    ['describeTargetGroups'],
    ['describeRules'],
    ['describeTags'],
    ['listSchedules'],
  ])('%s: nothing is deleted, and what was seen before is not forgotten', async (call) => {
    await land(world, nth(1));
    await broom.sweepFor(6);
    const error = new InternalServerException({ message: 'no', $metadata: {}, Message: 'no' });
    world.twists.set(call, () => Promise.reject(error));
    await expect(broom.sweep()).rejects.toThrow(error);
    expect(await left(nth(1).id)).toEqual(ALL);
    world.twists.clear();
    expect((await broom.sweep()).deleted).not.toEqual([]);
  });

  test('a second page that fails, and records that cannot be listed, stop it as well', async () => {
    await land(world, nth(1));
    await broom.sweepFor(6);
    world.twists.set('listServices', async (proceed, input: { nextToken?: string }) => {
      if (input.nextToken) throw sdkError('ThrottlingException');
      return { ...((await proceed()) as object), nextToken: 'more' };
    });
    await expect(broom.sweep()).rejects.toThrow('ThrottlingException');
    world.twists.clear();
    const { store } = world.deps;
    world.deps.store = Object.assign(Object.create(store) as typeof store, {
      live: async function* live() {
        yield* [];
        throw new Error('half a list');
      },
    });
    await expect(broom.sweep()).rejects.toThrow('half a list');
    expect(await left(nth(1).id)).toEqual(ALL);
  });

  test('a target group that goes between its list and its tags stops nothing', async () => {
    await land(world, nth(1));
    const { TargetGroups } = await world.elbv2.createTargetGroup({
      Name: 'tempus-dead0002',
      Protocol: 'HTTP',
      Port: 80,
      VpcId: 'vpc-1',
      TargetType: 'ip',
    });
    world.twists.set('describeTargetGroups', async (proceed) => {
      const listed = await proceed();
      await world.elbv2.deleteTargetGroup({ TargetGroupArn: TargetGroups![0]!.TargetGroupArn });
      return listed;
    });
    expect(kindsOf((await broom.sweep()).orphans)).toEqual(ALL);
  });
});

describe('a delete that fails', () => {
  test('holds up neither another preview nor the word of what was deleted', async () => {
    for (const n of [1, 2]) await land(world, nth(n), { priority: 40_000 + n });
    world.twists.set('deleteService', async (proceed, input: { service: string }) => {
      if (input.service === 'tempus-dead0001') throw sdkError('AccessDeniedException');
      return proceed();
    });
    const reports = await broom.sweepFor(14);
    expect(await world.service('dead0002')).toBeUndefined();
    expect(await world.group('dead0002')).toBeUndefined();
    const told = reports.flatMap(({ deleted }) => deleted).filter(({ id }) => id === 'dead0002');
    expect(kindsOf(told)).toEqual(ALL);
  });
});

describe('a quiet install', () => {
  test('is listed without a change in AWS', async () => {
    await world.ready();
    const before = world.changes.length;
    await broom.sweepFor(20);
    expect(world.changes.length).toBe(before);
  });
});
