import { describe, expect, test } from 'vitest';
import { useReconciler } from './reconcile-world.ts';

const HOUR = 3_600_000;
const aws = useReconciler({ paths: true, albs: [3] });

const listener = () => aws.config.albs[0]!.listener_arn;

/** A stranger's rule on our listener. Answers its ARN. */
async function strange(Priority: number, host: string, path?: string): Promise<string> {
  const { Rules } = await aws.elbv2.createRule({
    ListenerArn: listener(),
    Priority,
    Conditions: [
      { Field: 'host-header', HostHeaderConfig: { Values: [host] } },
      ...(path ? [{ Field: 'path-pattern', PathPatternConfig: { Values: [path] } }] : []),
    ],
    Actions: [{ Type: 'fixed-response', FixedResponseConfig: { StatusCode: '200' } }],
  });
  return Rules![0]!.RuleArn!;
}

const mine = async (id: string) =>
  (await aws.rules())
    .filter(({ Conditions }) => JSON.stringify(Conditions).includes(id))
    .map(({ Priority }) => Priority);

describe('a stranger that holds our name', () => {
  const strangers: [string, (name: string) => Promise<() => Promise<unknown>>][] = [
    [
      'target-group',
      async (Name) => {
        const made = await aws.elbv2.createTargetGroup({
          Name,
          Protocol: 'HTTP',
          Port: 1,
          VpcId: 'v',
          TargetType: 'ip',
        });
        const { TargetGroupArn } = made.TargetGroups![0]!;
        return () => aws.elbv2.deleteTargetGroup({ TargetGroupArn });
      },
    ],
    [
      'task-definition',
      async (family) => {
        const { taskDefinition } = await aws.ecs.registerTaskDefinition(definition(family));
        const arn = taskDefinition!.taskDefinitionArn;
        return () => aws.ecs.deregisterTaskDefinition({ taskDefinition: arn });
      },
    ],
    [
      'service',
      async (serviceName) => {
        const { taskDefinition } = await aws.ecs.registerTaskDefinition(definition('theirs'));
        await aws.ecs.createService({
          cluster: 'tempus',
          serviceName,
          desiredCount: 0,
          launchType: 'FARGATE',
          taskDefinition: taskDefinition!.taskDefinitionArn,
          networkConfiguration: { awsvpcConfiguration: { subnets: ['s'] } },
        });
        return () => aws.ecs.deleteService({ cluster: 'tempus', service: serviceName });
      },
    ],
  ];
  const definition = (family: string) => ({
    family,
    cpu: '256',
    memory: '512',
    networkMode: 'awsvpc' as const,
    requiresCompatibilities: ['FARGATE' as const],
    containerDefinitions: [{ name: 'app', image: 'theirs', essential: true }],
  });

  test.each(strangers)(
    'a %s is said, left alone, waited for, and does not stop teardown',
    async (kind, settle) => {
      const theirs = async (id: string) => (await aws.left(id)).includes(kind);
      const { id } = await aws.create();
      const { id: doomed } = await aws.create();
      const leave = await settle(`tempus-${id}`);
      await settle(`tempus-${doomed}`);
      await aws.run(id, 60_000);
      expect(await aws.said(id, 'Ready')).toMatchObject({ status: 'False', reason: 'NameConflict' });
      const before = await aws.row(id);
      aws.changes = [];
      await aws.run(id, HOUR);
      expect(aws.changes).toEqual([]);
      expect(await aws.row(id)).toEqual(before);

      await leave();
      await aws.until(id, ({ phase }) => phase === 'Ready');

      await aws.run(doomed, 60_000);
      await aws.remove(doomed);
      await aws.until(doomed, ({ phase }) => phase === 'Deleted');
      expect(await theirs(doomed)).toBe(true);
    },
  );
});

describe("strangers' rules", () => {
  test('a slot whose priority a stranger holds is passed over, and used again once he is gone', async () => {
    const theirs = await strange(10_001, 'shop.example');
    const one = await aws.ready();
    expect(await mine(one.id)).toEqual(['2', '10002']);
    await aws.elbv2.deleteRule({ RuleArn: theirs });
    const two = await aws.ready();
    expect(await mine(two.id)).toEqual(['1', '10001']);
  });

  test('a preview whose place a stranger takes moves to another slot, leaves nothing behind, and stays', async () => {
    const { id, preview_id } = await aws.ready();
    const path = (await aws.rules()).find(({ Priority }) => Priority === '10001');
    await aws.elbv2.deleteRule({ RuleArn: path!.RuleArn });
    await strange(10_001, 'shop.example');
    await aws.run(id, 400_000);
    expect((await aws.row(id)).phase).toBe('Ready');
    expect(await mine(id)).toEqual(['2', '10002']);
    const { slots, owners } = await aws.deps.coordination.readSlots('alb-0');
    expect([slots, owners]).toEqual([{ 1: preview_id }, { [preview_id]: 1 }]);
    aws.changes = [];
    await aws.run(id, HOUR);
    expect(aws.changes).toEqual([]);
  });

  test('with no other slot it says so, keeps what stands, and comes back when the stranger goes', async () => {
    const all = [await aws.ready(), await aws.ready(), await aws.ready()];
    const { id } = all[0]!;
    const path = (await aws.rules()).find(({ Priority }) => Priority === '10001');
    await aws.elbv2.deleteRule({ RuleArn: path!.RuleArn });
    const theirs = await strange(10_001, 'shop.example');
    await aws.run(id, 400_000);
    expect((await aws.row(id)).phase).toBe('Degraded');
    expect(await aws.said(id, 'RouteReady')).toMatchObject({ status: 'False', reason: 'NameConflict' });
    expect(await mine(id)).toEqual(['1']);
    await aws.elbv2.deleteRule({ RuleArn: theirs });
    await aws.until(id, ({ phase }) => phase === 'Ready');
    expect(await mine(id)).toEqual(['1', '10001']);
  });

  const hijackers: [string, string, string | undefined][] = [
    ['our very host', 'preview-ID.test.example', undefined],
    ['every host', '*.test.example', undefined],
    ['every path of every host', '*', '/*'],
  ];
  test.each(hijackers)(
    'a rule that takes %s before ours is said and not touched',
    async (_what, host, path) => {
      const holder = await aws.ready();
      await aws.remove(holder.id);
      await aws.until(holder.id, ({ phase }) => phase === 'Deleted');
      const blocker = await strange(1, 'unrelated.example');
      const { id } = await aws.ready();
      expect(await mine(id)).toEqual(['2', '10002']);
      await aws.elbv2.deleteRule({ RuleArn: blocker });
      const theirs = await strange(1, host.replace('ID', id), path);
      await aws.run(id, 400_000);
      expect(await aws.said(id, 'RouteReady')).toMatchObject({ status: 'False', reason: 'NameConflict' });
      expect((await aws.row(id)).phase).toBe('Degraded');
      expect((await aws.rules()).map(({ RuleArn }) => RuleArn)).toContain(theirs);
      await aws.elbv2.deleteRule({ RuleArn: theirs });
      await aws.until(id, ({ phase }) => phase === 'Ready');
    },
  );

  test('rules that take other requests, or come after ours, are nobody’s business', async () => {
    await strange(300, '*.test.example');
    await strange(301, 'other.test.example');
    const { id } = await aws.ready();
    await aws.run(id, HOUR);
    expect((await aws.row(id)).phase).toBe('Ready');
  });
});
