import { ClusterNotFoundException } from '@aws-sdk/client-ecs';
import { describe, expect, test } from 'vitest';
import type { PreviewRow } from '../preview/record.ts';
import { resourceTags } from '../preview/names.ts';
import { sdkError, useReconciler } from './reconcile-world.ts';

const GRACE = 30_000;
const MINUTE = 60_000;
const aws = useReconciler({ albs: [3, 3] });

const gone = ({ phase }: PreviewRow) => phase === 'Deleted';
const verifying = async (id: string) => {
  for (let n = 0; n < 100; n += 1) {
    const result = await aws.pass(id);
    if (result.kind === 'again' && result.reason === 'VerifyingAbsence') return;
    await aws.clock.advance(1_000);
  }
  throw new Error('never got as far as absence');
};

/** What createService was given, to be sent again: a request that was on its way for long. */
const lateService = () => {
  const { input } = aws.changes.find(({ call }) => call === 'createService')!;
  return aws.ecs.createService({ ...input, loadBalancers: [] } as unknown as Parameters<
    typeof aws.ecs.createService
  >[0]);
};

describe('absence', () => {
  test('is believed only when it was seen twice, a grace apart', async () => {
    const { id } = await aws.ready();
    await aws.remove(id);
    await verifying(id);
    await aws.clock.advance(GRACE - 1_000);
    await aws.pass(id);
    expect((await aws.row(id)).phase).toBe('Deleting');
    await aws.clock.advance(1_000);
    await aws.pass(id);
    expect((await aws.row(id)).phase).toBe('Deleted');
  });

  test('starts anew when something of the preview appears in between, and that goes too', async () => {
    const { id } = await aws.ready();
    await aws.remove(id);
    await verifying(id);
    const family = aws.changes.find(({ call }) => call === 'registerTaskDefinition')!;
    await aws.ecs.registerTaskDefinition(family.input as never);
    const { input } = aws.changes.find(({ call }) => call === 'createService')!;
    const taskDefinition = `tempus-${id}`;
    await aws.ecs.createService({ ...input, taskDefinition, loadBalancers: [] } as never);
    await aws.clock.advance(GRACE);
    await aws.pass(id);
    expect((await aws.row(id)).phase).toBe('Deleting');
    await verifying(id);
    expect(await aws.left(id)).toEqual([]);
    await aws.clock.advance(GRACE - 1);
    await aws.pass(id);
    expect((await aws.row(id)).phase).toBe('Deleting');
    await aws.until(id, gone);
    await expect(lateService()).rejects.toThrow('TaskDefinition');
  });

  test('is looked for anew by a new controller', async () => {
    const { id } = await aws.ready();
    await aws.remove(id);
    await verifying(id);
    await aws.clock.advance(GRACE);
    aws.restart();
    await aws.pass(id);
    expect((await aws.row(id)).phase).toBe('Deleting');
    await aws.until(id, gone);
  });

  test.each([-3_600_000, 3_600_000])('is not proven by a clock that steps by %d ms', async (step) => {
    const { id } = await aws.ready();
    await aws.remove(id);
    await verifying(id);
    aws.clock.step(step);
    await aws.clock.advance(GRACE - 1);
    await aws.pass(id);
    expect((await aws.row(id)).phase).toBe('Deleting');
    await aws.clock.advance(1);
    await aws.pass(id);
    expect((await aws.row(id)).phase).toBe('Deleted');
  });

  test('a read that fails proves nothing', async () => {
    const { id } = await aws.ready();
    await aws.remove(id);
    await verifying(id);
    aws.twists.set('describeServices', () => Promise.reject(sdkError('ThrottlingException')));
    await aws.clock.advance(GRACE);
    await aws.pass(id);
    aws.twists.clear();
    await aws.pass(id);
    expect((await aws.row(id)).phase).toBe('Deleting');
    await aws.until(id, gone);
  });
});

describe('teardown', () => {
  const creates = [
    'createSchedule',
    'createTargetGroup',
    'createRule',
    'registerTaskDefinition',
    'createService',
  ];
  test.each(creates)('ends from a creation that %s stopped, whether or not it took effect', async (call) => {
    for (const effect of [false, true]) {
      aws.twists.set(call, async (proceed) => {
        if (effect) await proceed();
        throw new Error('socket hang up');
      });
      const { id } = await aws.create();
      await aws.pass(id);
      await aws.remove(id);
      await aws.until(id, gone);
      expect(await aws.left(id)).toEqual([]);
    }
  });

  test('ends when every load balancer was full, and when nothing was ever acceptable', async () => {
    const { id } = await aws.create({ spec: 'nonsense' as unknown as PreviewRow['spec'] });
    await aws.run(id, MINUTE);
    await aws.remove(id);
    await aws.until(id, gone);
  });

  const removals = [
    'deleteRule',
    'deleteService',
    'deregisterTaskDefinition',
    'deleteTaskDefinitions',
    'deleteSchedule',
  ];
  test.each(removals)(
    'with %s denied takes away what else can go, says why, and ends when it may',
    async (call) => {
      const { id } = await aws.ready();
      await aws.remove(id);
      aws.twists.set(call, () => Promise.reject(sdkError('AccessDeniedException', 'not authorized')));
      await aws.run(id, 10 * MINUTE);
      const left = new Set(await aws.left(id));
      const stays: Record<string, string[]> = {
        deleteRule: ['listener-rule', 'target-group'],
        deleteService: ['service', 'target-group', 'task-definition', 'schedule'],
        deregisterTaskDefinition: ['task-definition'],
        deleteTaskDefinitions: ['task-definition'],
        deleteSchedule: ['schedule'],
      };
      expect([...left].toSorted()).toEqual(stays[call]!.toSorted());
      expect(await aws.said(id, 'Ready')).toMatchObject({
        status: 'False',
        message: expect.stringContaining('not authorized'),
      });
      const before = await aws.row(id);
      await aws.run(id, 60 * MINUTE);
      expect((await aws.row(id)).status.rev).toBe(before.status.rev);
      aws.twists.clear();
      await aws.until(id, gone);
      expect(await aws.left(id)).toEqual([]);
    },
  );

  test('ends when the listener and the cluster are gone', async () => {
    const { id } = await aws.ready();
    await aws.elbv2.deleteListener({ ListenerArn: aws.config.albs[0]!.listener_arn });
    await aws.ecs.deleteService({ cluster: 'tempus', service: `tempus-${id}`, force: true });
    for (const call of ['describeServices', 'deleteService'])
      aws.twists.set(call, () =>
        Promise.reject(new ClusterNotFoundException({ $metadata: {}, message: '' })),
      );
    await aws.remove(id);
    await aws.until(id, gone);
  });

  test('frees the slot before the record closes, and has the one looked at that waits longest', async () => {
    const six = [];
    for (let n = 0; n < 6; n += 1) six.push(await aws.ready());
    const old = await aws.create({ created_at: '2026-01-01T00:00:01Z' });
    const young = await aws.create({ created_at: '2026-01-01T00:00:02Z' });
    for (const { id } of [young, old]) await aws.pass(id);
    const { id } = six[4]!;
    await aws.remove(id);
    await aws.until(id, gone);
    expect(aws.woken).toEqual([old.id]);
    await aws.pass(young.id);
    expect(await aws.said(young.id, 'Admitted')).toMatchObject({ status: 'False' });
    await aws.pass(old.id);
    expect(await aws.said(old.id, 'Admitted')).toMatchObject({ status: 'True' });
  });

  test('is not undone by a whole item that is put from a stale form, before its end or after', async () => {
    const form = await aws.ready();
    await aws.remove(form.id);
    await aws.pass(form.id);
    await aws.client.put({ TableName: 'previews', Item: form });
    await aws.until(form.id, gone);
    await aws.client.put({ TableName: 'previews', Item: form });
    await aws.until(form.id, gone);
    expect(await aws.left(form.id)).toEqual([]);
  });
});

describe('what has lost its tags', () => {
  const keys = resourceTags('', { id: '', preview_id: '' }, 'service').map(({ Key }) => Key);
  const lost: [string, (id: string) => Promise<() => Promise<unknown>>][] = [
    [
      'target-group',
      async (id) => {
        const { TargetGroupArn = '' } = (await aws.group(id))!;
        await aws.elbv2.removeTags({ ResourceArns: [TargetGroupArn], TagKeys: keys });
        return async () => {
          for (const { RuleArn } of await aws.rules()) await aws.elbv2.deleteRule({ RuleArn });
          await aws.elbv2.deleteTargetGroup({ TargetGroupArn });
        };
      },
    ],
    [
      'listener-rule',
      async () => {
        const [{ RuleArn = '' } = {}] = await aws.rules();
        await aws.elbv2.removeTags({ ResourceArns: [RuleArn], TagKeys: keys });
        return () => aws.elbv2.deleteRule({ RuleArn });
      },
    ],
    [
      'service',
      async (id) => {
        const { serviceArn: resourceArn } = (await aws.service(id))!;
        await aws.ecs.untagResource({ resourceArn, tagKeys: keys });
        return () => aws.ecs.deleteService({ cluster: 'tempus', service: `tempus-${id}`, force: true });
      },
    ],
  ];

  test.each(lost)('a %s is said to, neither changed nor deleted nor called gone', async (kind, lose) => {
    const { id } = await aws.ready();
    const repair = await lose(id);
    await aws.run(id, 10 * MINUTE);
    expect((await aws.row(id)).phase).toBe('Degraded');
    expect(await aws.said(id, 'Ready')).toMatchObject({ status: 'False', reason: 'NameConflict' });
    expect((await aws.rules()).length).toBe(1);
    await aws.remove(id);
    await aws.run(id, 10 * MINUTE);
    expect((await aws.row(id)).phase).toBe('Deleting');
    expect(await aws.left(id)).toContain(kind);
    const said = await aws.said(id, 'Ready');
    expect(said?.message).toContain(kind);
    expect(said?.message).toContain('tags');
    const before = await aws.row(id);
    aws.changes = [];
    await aws.run(id, 60 * MINUTE);
    expect(aws.changes).toEqual([]);
    expect(await aws.row(id)).toEqual(before);
    await repair();
    await aws.until(id, gone);
    expect(await aws.left(id)).toEqual([]);
  });
});
