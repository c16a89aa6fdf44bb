import { describe, expect, test } from 'vitest';
import { VERSION } from '../cli/version.ts';
import { systemClock as clock, toSeconds } from '../platform/clock.ts';
import { Coordination } from '../preview/coordination.ts';
import { previewsTable } from '../preview/tables.ts';
import { orphan, service, slot } from './doctor-leftovers.ts';
import { EXPIRE, NAMES, useDoctor } from './doctor-world.ts';
import { FixedRealism } from './fakes/realism.ts';

const world = useDoctor();

const ago = (ms: number) => new Date(Date.now() - ms);
const minutes = (n: number) => n * 60_000;

describe('an install as Terraform makes it', () => {
  test('has nothing to be mended, and doctor says of everything that it is well', async () => {
    const { code, stdout, stderr } = await world.run(['doctor', '--aws']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).not.toMatch(/^(warn|fail)/m);
    expect(stdout).toMatch(/^ok +table previews +tempus-previews is as it should be$/m);
    expect(stdout).toMatch(/^skipped +control plane +there is neither a service tempus-api/m);
    expect(stdout).toContain('0 to look at, 0 failed, 1 skipped.');
  });

  test('is looked at and not changed, whatever is wrong with it', async () => {
    await orphan(world, 1);
    await slot(world, 2);
    await world.record(3, { phase: 'Failed' });
    await world.clients.scheduler.deleteSchedule({
      GroupName: NAMES.expire_group,
      Name: NAMES.expire_schedule,
    });
    await world.diagnose();
    const changing = world.asked.filter(({ operation }) => !/^(Describe|List|Get|Query)/.test(operation));
    expect([world.asked.length > 20, changing]).toEqual([true, []]);
  });
});

describe('tables', () => {
  const TableName = NAMES.previews;

  test('a stream that is off has failed, and the fix turns it on', async () => {
    await world.clients.dynamodb.updateTable({ TableName, StreamSpecification: { StreamEnabled: false } });
    const run = await world.diagnose();
    expect([run.code, run.failed]).toEqual([1, ['table previews']]);
    expect(run.one('table previews')).toMatchObject({
      finding: 'the stream of tempus-previews is off',
      fix: 'aws dynamodb update-table --table-name tempus-previews --region us-east-1 --stream-specification StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES',
    });
  });

  test('what purges nothing and what cannot be restored is to be looked at, each with its own fix', async () => {
    await world.clients.dynamodb.updateTimeToLive({
      TableName,
      TimeToLiveSpecification: { Enabled: false, AttributeName: 'purge_at' },
    });
    await world.clients.dynamodb.updateContinuousBackups({
      TableName,
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: false },
    });
    const run = await world.diagnose();
    expect(run.code).toBe(0);
    expect(run.of('table previews')).toMatchObject([
      { state: 'warn', fix: expect.stringMatching(/^aws dynamodb update-time-to-live/) as string },
      { state: 'warn', fix: expect.stringMatching(/^aws dynamodb update-continuous-backups/) as string },
    ]);
  });

  test('a table that is not there fails its own check, and what reads it is skipped', async () => {
    await world.clients.dynamodb.deleteTable({ TableName });
    const run = await world.diagnose(['--aws', '--install', 'tempus']);
    expect([run.code, run.failed]).toEqual([1, ['table previews']]);
    expect(run.one('table previews').fix).toContain('make deploy');
    expect(run.one('records')).toMatchObject({ state: 'skipped' });
    expect(run.one('table events')).toMatchObject({ state: 'ok' });
  });

  test('a table with another key, or without its index, is not one that Tempus made', async () => {
    await world.clients.dynamodb.deleteTable({ TableName });
    const { GlobalSecondaryIndexes: _indexes, ...table } = previewsTable(TableName);
    await world.clients.dynamodb.createTable({
      ...table,
      AttributeDefinitions: [{ AttributeName: 'uuid', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'uuid', KeyType: 'HASH' }],
    });
    const run = await world.diagnose();
    expect(run.code).toBe(1);
    const found = run.of('table previews').map(({ finding }) => finding);
    expect(found).toContain('tempus-previews has the key uuid');
    expect(found).toContain('the index live of tempus-previews is not there');
  });
});

describe('load balancers', () => {
  test('one without a listener reaches nobody', async () => {
    await world.clients.elbv2.deleteListener({ ListenerArn: world.listener_arn });
    const run = await world.diagnose();
    expect([run.code, run.failed]).toEqual([1, ['load balancers']]);
    expect(run.one('load balancers')).toMatchObject({
      finding: 'tempus-previews-1 has no listener',
      fix: 'make deploy',
    });
  });

  test('none at all has failed', async () => {
    await world.clients.elbv2.deleteLoadBalancer({ LoadBalancerArn: world.balancer_arn });
    const run = await world.diagnose();
    expect([run.code, run.one('load balancers').finding]).toEqual([
      1,
      'there is no load balancer tempus-previews-1',
    ]);
  });

  test('all slots used has failed, nearly all is to be looked at, and both say how to get more', async () => {
    const coordination = new Coordination({ client: world.clients.document, table: NAMES.coordination });
    const take = async (from: number, to: number) => {
      for (let n = from; n < to; n += 1) {
        const { preview_id } = await world.record(n);
        await coordination.reserveSlots('tempus-previews-1', [{ n, holder: preview_id }]);
      }
    };
    await take(0, 76);
    const nearly = await world.diagnose();
    expect([nearly.code, nearly.one('load balancers')]).toMatchObject([
      0,
      { state: 'warn', finding: '76 of 95 slots are used', facts: { slots: { used: 76, of: 95 } } },
    ]);
    await take(76, 95);
    const full = await world.diagnose();
    expect(full.code).toBe(1);
    expect(full.one('load balancers')).toMatchObject({ state: 'fail', finding: 'all 95 slots are used' });
    expect(full.one('load balancers').fix).toContain('alb_count = 2');
    expect(full.one('records').facts).toEqual({ phases: { Pending: 95 } });
  });
});

describe('expiry', () => {
  test('a schedule that is gone has failed', async () => {
    const { Name, GroupName } = EXPIRE;
    await world.clients.scheduler.deleteSchedule({ Name, GroupName });
    const run = await world.diagnose();
    expect([run.code, run.failed, run.one('expiry').finding]).toEqual([
      1,
      ['expiry'],
      'the schedule tempus/tempus-expire is not there',
    ]);
  });

  test('a schedule that is disabled has failed, and so has a group of fuses that is gone', async () => {
    await world.clients.scheduler.updateSchedule({ ...EXPIRE, State: 'DISABLED' });
    await world.clients.scheduler.deleteScheduleGroup({ Name: NAMES.fuses });
    const run = await world.diagnose();
    expect([run.code, run.one('expiry').finding, run.one('expiry').fix]).toEqual([
      1,
      'the schedule tempus/tempus-expire is DISABLED',
      'make deploy',
    ]);
    expect(run.one('fuses')).toMatchObject({ state: 'fail' });
  });

  test('records past their end have failed, also where this clock is off; Failed ones are to be looked at', async () => {
    await world.record(1, { phase: 'Ready', expires_at: toSeconds(ago(minutes(6))) });
    await world.record(2, { phase: 'Ready', expires_at: toSeconds(ago(minutes(2))) });
    await world.record(3, { phase: 'Failed' });
    const run = await world.diagnose();
    expect(run.code).toBe(1);
    expect(run.of('records')).toMatchObject([
      {
        state: 'fail',
        facts: { overdue: ['dead0001'] },
        fix: expect.stringContaining('tempus rm dead0001') as string,
      },
      { state: 'warn', facts: { failed: ['dead0003'] } },
    ]);
    // By AWS's clock, which is 4 minutes behind, nothing is overdue.
    world.aws.shiftMs = minutes(-4);
    const early = await world.diagnose();
    expect([early.code, early.of('records').map(({ state }) => state)]).toEqual([0, ['warn']]);
  });
});

describe('orphans', () => {
  test('one of each kind is found without the controller, and named', async () => {
    await orphan(world, 1);
    await slot(world, 2);
    const { code, one } = await world.diagnose();
    const { state, finding, facts } = one('orphans');
    expect([code, state]).toEqual([0, 'warn']);
    expect(finding).toMatch(/^6 without a live record: service tempus-dead0001, /);
    const kinds = (facts['orphans'] as { kind: string }[]).map(({ kind }) => kind);
    expect(kinds.toSorted()).toEqual([
      'listener-rule',
      'schedule',
      'service',
      'slot',
      'target-group',
      'task-definition',
    ]);
  });

  test('what a live record has, what is a stranger’s, and what somebody keeps are none', async () => {
    await orphan(world, 1);
    await world.record(1, { phase: 'Ready' });
    await orphan(world, 2, { install: 'another', fuse: false });
    await orphan(world, 3, { keep: true, fuse: false });
    const { one } = await world.diagnose();
    expect(one('orphans')).toMatchObject({ state: 'ok', facts: { orphans: [], kept: 4 } });
  });

  test('what stands a quarter of an hour after its record was closed has failed', async () => {
    const row = await world.record(1, { phase: 'Deleting' });
    const status = { ...row.status, deleted_at: toSeconds(ago(minutes(20))) };
    await world.store.writeStatus(row, { phase: 'Deleted', status, purge_at: 4_000_000_000 });
    await orphan(world, 1);
    const run = await world.diagnose();
    expect([run.code, run.failed]).toEqual([1, ['orphans']]);
    expect(run.one('orphans').means).toContain('closed 20m');
  });
});

describe('controller', () => {
  test('one that was not heard for long has failed, and so has one that never led', async () => {
    await world.beat({ tenure: 2, at: ago(minutes(3)).toISOString() });
    const stale = await world.diagnose();
    expect([stale.code, stale.failed]).toEqual([1, ['controller']]);
    expect(stale.one('controller')).toMatchObject({
      finding: expect.stringMatching(/^controller-1 led last, and was heard 3m( \d+s)? ago$/) as string,
      fix: expect.stringContaining('aws ecs update-service --cluster tempus') as string,
    });
    expect(stale.one('stream')).toMatchObject({ state: 'skipped' });
    world.heartbeats = { read: async () => undefined } as unknown as typeof world.heartbeats;
    await world.serveAnew();
    const never = await world.diagnose();
    expect([never.code, never.one('controller').finding]).toEqual([1, 'no controller has ever led']);
  });

  test('an API or a controller of another version is named, with the one to upgrade', async () => {
    await world.beat({ tenure: 2, version: '0.0.9' });
    const behind = await world.diagnose();
    expect([behind.code, behind.one('versions')]).toMatchObject([
      0,
      { state: 'warn', finding: `the API is ${VERSION}, the leading controller 0.0.9` },
    ]);
    expect(behind.one('versions').fix).toContain('make build push deploy');
    await world.serveAnew({ version: '9.0.0' });
    const old = await world.diagnose();
    expect(old.of('versions')[0]).toMatchObject({
      finding: `this command is ${VERSION}, the API 9.0.0`,
      fix: 'git pull && npm ci',
    });
  });

  test('a breaker that is open has failed, and orphans that a sweep will take are to be looked at', async () => {
    const nothing = { orphans: [], deleted: [], kept: [], aborted: null, breaker: null, request_id: null };
    const first_seen_at = toSeconds(ago(minutes(3)));
    const orphans = [
      { kind: 'service', name: 'tempus-dead0001', id: 'dead0001', reason: 'NoRecord', first_seen_at },
    ];
    await world.board.writeReport({ ...nothing, at: toSeconds(ago(minutes(2))), orphans }, undefined);
    const young = await world.diagnose();
    expect([young.code, young.one('sweep')]).toMatchObject([0, { state: 'warn' }]);
    const breaker = { previews: 12, allowed: 3 };
    await world.board.writeReport({ ...nothing, at: toSeconds(ago(0)), orphans, breaker }, undefined);
    const open = await world.diagnose();
    expect([open.code, open.failed]).toEqual([1, ['sweep']]);
    expect(open.one('sweep').fix).toContain('tempus gc --yes --max 12');
  });
});

describe('cluster', () => {
  test('a cluster of another name, or without Spot, has failed', async () => {
    await world.clients.ecs.createCluster({ clusterName: 'qa', capacityProviders: ['FARGATE'] });
    const bare = await world.diagnose(['--install', 'qa']);
    expect([bare.code, bare.one('cluster')]).toMatchObject([
      1,
      {
        finding: 'cluster qa lacks FARGATE_SPOT',
        fix: expect.stringContaining('put-cluster-capacity') as string,
      },
    ]);
    const none = await world.diagnose(['--install', 'nowhere']);
    expect(none.one('cluster').finding).toBe('cluster nowhere is not there');
    expect(none.one('fargate spot')).toMatchObject({ state: 'skipped' });
  });

  test('a control plane that runs less than it should has failed', async () => {
    await service(world, NAMES.api_service, 1);
    await service(world, NAMES.controller_service, 0);
    const found = async () => (await world.diagnose()).of('control plane').map(({ finding }) => finding);
    await expect.poll(found, { timeout: 30_000 }).toEqual(['tempus-controller is told to run nothing']);
  });
});

describe('a new account', () => {
  const realism = new FixedRealism({ clock, vcpus: 6, chance: 1 });
  const small = useDoctor({ realism });

  test('its quota of 6 vCPU is to be looked at before it is full', async () => {
    const run = await small.diagnose();
    expect([run.code, run.one('fargate on demand')]).toMatchObject([
      0,
      { state: 'warn', facts: { vcpus: 6, used_vcpus: 0, fits: 24 } },
    ]);
    expect(run.one('fargate on demand').fix).toBe(
      'aws service-quotas request-service-quota-increase --service-code fargate --quota-code L-3032A538 --desired-value 100 --region us-east-1',
    );
    expect(run.one('fargate spot').fix).toContain('L-36FBB829');
  });
});
