import { ClientException } from '@aws-sdk/client-ecs';
import { TargetGroupNotFoundException } from '@aws-sdk/client-elastic-load-balancing-v2';
import { ResourceNotFoundException } from '@aws-sdk/client-scheduler';
import { describe, expect, test } from 'vitest';
import { useReconciler } from './reconcile-world.ts';

const aws = useReconciler({ paths: true });
const error = { $metadata: {}, message: 'Unable to describe task definition.' };

/** What each read answers when it is older than the create. */
const UNSEEN: Record<string, () => unknown> = {
  getSchedule: () => {
    throw new ResourceNotFoundException({ ...error, Message: 'no' });
  },
  describeTargetGroups: () => {
    throw new TargetGroupNotFoundException(error);
  },
  describeRules: () => ({ Rules: [] }),
  describeTaskDefinition: () => {
    throw new ClientException(error);
  },
  describeServices: () => ({ services: [], failures: [{ reason: 'MISSING' }] }),
};

/** Exactly one of each, in AWS and in the slots. */
async function one(id: string): Promise<void> {
  const { services = [] } = await aws.ecs.describeServices({ cluster: 'tempus', services: [`tempus-${id}`] });
  expect(services.filter(({ status }) => status === 'ACTIVE')).toHaveLength(1);
  expect((await aws.rules()).map(({ Priority }) => Priority)).toEqual(['1', '10001']);
  expect(await aws.fuses()).toEqual([`tempus-${id}`]);
  const { TargetGroups = [] } = await aws.elbv2.describeTargetGroups({});
  expect(TargetGroups).toHaveLength(1);
}

describe('a read that is older than what was made', () => {
  test.each(Object.keys(UNSEEN))('%s makes nothing twice, and nothing fails for it', async (call) => {
    const { id } = await aws.ready();
    aws.twists.set(call, async () => UNSEEN[call]!());
    for (let n = 0; n < 3; n += 1) {
      await aws.pass(id, n);
      await aws.clock.advance(1_000);
    }
    aws.twists.clear();
    expect((await aws.row(id)).phase).not.toBe('Failed');
    await aws.until(id, ({ phase }) => phase === 'Ready');
    await aws.run(id, 600_000);
    await one(id);
    await aws.remove(id);
    await aws.until(id, ({ phase }) => phase === 'Deleted');
    expect(await aws.left(id)).toEqual([]);
  });

  test.each(['describeTags', 'describeTargetGroupAttributes', 'describeTargetHealth'])(
    '%s that does not know the new target group holds the creation up by seconds, not minutes',
    async (call) => {
      const { id } = await aws.create();
      let misses = 2;
      aws.twists.set(call, (proceed) => {
        misses -= 1;
        return misses < 0 ? proceed() : Promise.reject(new TargetGroupNotFoundException(error));
      });
      await aws.until(id, ({ phase }) => phase === 'Ready', 60_000);
      // Each registration is a revision of its own, and a creation takes of a bucket that is small.
      expect(aws.changes.filter(({ call: name }) => name === 'createTargetGroup')).toHaveLength(1);
      const { taskDefinitionArns } = await aws.ecs.listTaskDefinitions({ familyPrefix: `tempus-${id}` });
      expect(taskDefinitionArns).toHaveLength(1);
    },
  );
});

describe('a read that is older than a deletion', () => {
  const cluster = 'tempus';
  const deletions: [string, (id: string) => Promise<unknown>][] = [
    ['getSchedule', (id) => aws.scheduler.deleteSchedule({ GroupName: 'tempus', Name: `tempus-${id}` })],
    ['describeServices', (id) => aws.ecs.deleteService({ cluster, service: `tempus-${id}`, force: true })],
    ['describeRules', async () => aws.elbv2.deleteRule({ RuleArn: (await aws.rules())[0]!.RuleArn })],
    [
      'describeTaskDefinition',
      async (id) => {
        const { taskDefinition } = await aws.ecs.describeTaskDefinition({ taskDefinition: `tempus-${id}` });
        await aws.ecs.deregisterTaskDefinition({ taskDefinition: taskDefinition!.taskDefinitionArn });
      },
    ],
  ];
  test.each(deletions)('%s is seen through, and what is missing is made', async (call, remove) => {
    const { id } = await aws.ready();
    const memory = new Map<string, unknown>();
    aws.twists.set(call, async (proceed, input) => {
      const key = JSON.stringify(input);
      if (!memory.has(key)) memory.set(key, await proceed());
      return memory.get(key);
    });
    await aws.pass(id);
    await remove(id);
    // So that every kind has something to change.
    await aws.edit(id, { expires_at: '2026-01-03T00:00:00Z', 'spec.env': { A: 'b' } });
    for (let n = 0; n < 3; n += 1) {
      await aws.pass(id, n);
      await aws.clock.advance(1_000);
    }
    aws.twists.clear();
    expect((await aws.row(id)).phase).not.toBe('Failed');
    await aws.until(id, ({ phase }) => phase === 'Ready');
    await aws.run(id, 600_000);
    await one(id);
    expect((await aws.row(id)).phase).toBe('Ready');
  });
});

test('a target group of equal settings that is not ours is not adopted through a stale read', async () => {
  const { id } = await aws.create();
  let settings: Record<string, unknown> = {};
  aws.twists.set('createTargetGroup', async (proceed, input) => {
    const { Tags: _, ...rest } = input as Record<string, unknown>;
    settings = rest;
    await aws.elbv2.createTargetGroup(rest as never);
    return proceed();
  });
  await aws.pass(id);
  expect(settings['Name']).toBe(`tempus-${id}`);
  await aws.run(id, 60_000);
  expect(await aws.said(id, 'Ready')).toMatchObject({ status: 'False', reason: 'NameConflict' });
  expect(aws.changes.map(({ call }) => call)).toEqual(['createSchedule', 'createTargetGroup']);
  expect(await aws.rules()).toEqual([]);
});
