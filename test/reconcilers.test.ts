import { describe, expect, test } from 'vitest';
import { useReconciler } from './reconcile-world.ts';
import { IMAGES } from './sim/tasks.ts';

const DRIFT = 300_000;
const aws = useReconciler({ paths: true });

describe('a life', () => {
  test('ready, and gone with a receipt that has nothing left over', async () => {
    const { id, preview_id } = await aws.ready();
    expect((await aws.rules()).map(({ Priority }) => Priority)).toEqual(['1', '10001']);
    await aws.remove(id);
    const row = await aws.until(id, ({ phase }) => phase === 'Deleted');
    expect(await aws.left(id)).toEqual([]);
    expect(Object.values(row.status.resources).every(({ absent_at }) => absent_at)).toBe(true);
    expect((await aws.deps.coordination.readSlots('alb-0')).owners).not.toHaveProperty(preview_id);
  });
});

describe('drift', () => {
  const steady = async (id: string) => {
    await aws.run(id, DRIFT + 60_000);
    expect((await aws.row(id)).phase).toBe('Ready');
    expect((await aws.rules()).map(({ Priority }) => Priority)).toEqual(['1', '10001']);
    expect((await aws.service(id))?.desiredCount).toBe(1);
    for (const url of (await aws.row(id)).status.urls ?? []) {
      expect(aws.ask(url, aws.config.albs[0]!.listener_arn).status).toBe(200);
    }
    aws.changes = [];
    await aws.run(id, DRIFT * 2);
    expect(aws.changes).toEqual([]);
  };
  const cluster = 'tempus';

  const edits: [string, (id: string) => Promise<unknown>][] = [
    [
      'a desired count of 0',
      (id) => aws.ecs.updateService({ cluster, service: `tempus-${id}`, desiredCount: 0 }),
    ],
    [
      'a desired count of 3',
      (id) => aws.ecs.updateService({ cluster, service: `tempus-${id}`, desiredCount: 3 }),
    ],
    ['a deleted service', (id) => aws.ecs.deleteService({ cluster, service: `tempus-${id}`, force: true })],
    [
      'a detached load balancer',
      (id) => aws.ecs.updateService({ cluster, service: `tempus-${id}`, loadBalancers: [] }),
    ],
    [
      'another task definition',
      async (id) => {
        const family = `tempus-${id}`;
        const { taskDefinition } = await aws.ecs.describeTaskDefinition({ taskDefinition: family });
        const { containerDefinitions = [] } = taskDefinition!;
        const [container] = containerDefinitions;
        await aws.ecs.registerTaskDefinition({
          family,
          cpu: '256',
          memory: '512',
          networkMode: 'awsvpc',
          requiresCompatibilities: ['FARGATE'],
          containerDefinitions: [{ ...container, image: IMAGES.better }],
        });
        await aws.ecs.updateService({ cluster, service: family, taskDefinition: family });
      },
    ],
    [
      'another network, and a circuit breaker that is off',
      (id) =>
        aws.ecs.updateService({
          cluster,
          service: `tempus-${id}`,
          networkConfiguration: {
            awsvpcConfiguration: { subnets: ['elsewhere'], assignPublicIp: 'DISABLED' },
          },
          deploymentConfiguration: { deploymentCircuitBreaker: { enable: false, rollback: false } },
          healthCheckGracePeriodSeconds: 0,
        }),
    ],
    [
      'a deregistered task definition',
      async (id) => {
        const { taskDefinition } = await aws.ecs.describeTaskDefinition({ taskDefinition: `tempus-${id}` });
        await aws.ecs.deregisterTaskDefinition({ taskDefinition: taskDefinition!.taskDefinitionArn });
      },
    ],
    [
      'another capacity',
      (id) =>
        aws.ecs.updateService({
          cluster,
          service: `tempus-${id}`,
          capacityProviderStrategy: [{ capacityProvider: 'FARGATE_SPOT', weight: 1 }],
          forceNewDeployment: true,
        }),
    ],
    ['a deleted rule', async () => aws.elbv2.deleteRule({ RuleArn: (await aws.rules())[0]!.RuleArn })],
    [
      'a moved rule',
      async () =>
        aws.elbv2.setRulePriorities({
          RulePriorities: [{ RuleArn: (await aws.rules())[0]!.RuleArn, Priority: 777 }],
        }),
    ],
    [
      'rules that traded places',
      async () => {
        const [host, path] = await aws.rules();
        await aws.elbv2.setRulePriorities({
          RulePriorities: [
            { RuleArn: host!.RuleArn, Priority: 10001 },
            { RuleArn: path!.RuleArn, Priority: 1 },
          ],
        });
      },
    ],
    [
      'edited conditions',
      async () =>
        aws.elbv2.modifyRule({
          RuleArn: (await aws.rules())[0]!.RuleArn,
          Conditions: [{ Field: 'host-header', HostHeaderConfig: { Values: ['moved.example'] } }],
        }),
    ],
    [
      'a second action target',
      async () =>
        aws.elbv2.modifyRule({
          RuleArn: (await aws.rules())[0]!.RuleArn,
          Actions: [{ Type: 'fixed-response', FixedResponseConfig: { StatusCode: '503' } }],
        }),
    ],
    [
      'a removed rewrite',
      async () => aws.elbv2.modifyRule({ RuleArn: (await aws.rules())[1]!.RuleArn, ResetTransforms: true }),
    ],
    [
      'an edited health check',
      async (id) =>
        aws.elbv2.modifyTargetGroup({
          TargetGroupArn: (await aws.group(id))!.TargetGroupArn,
          HealthCheckPath: '/other',
          HealthyThresholdCount: 7,
        }),
    ],
    [
      'an edited deregistration delay',
      async (id) =>
        aws.elbv2.modifyTargetGroupAttributes({
          TargetGroupArn: (await aws.group(id))!.TargetGroupArn,
          Attributes: [{ Key: 'deregistration_delay.timeout_seconds', Value: '300' }],
        }),
    ],
    ['a deleted fuse', (id) => aws.scheduler.deleteSchedule({ GroupName: 'tempus', Name: `tempus-${id}` })],
    [
      'a disabled fuse',
      async (id) => {
        const now = await aws.scheduler.getSchedule({ GroupName: 'tempus', Name: `tempus-${id}` });
        const { Name, GroupName, ScheduleExpression, Target, FlexibleTimeWindow } = now;
        const set = { Name, GroupName, ScheduleExpression, Target, FlexibleTimeWindow };
        await aws.scheduler.updateSchedule({ ...set, State: 'DISABLED' });
      },
    ],
  ];

  test.each(edits)('%s is repaired within the drift period, once and for all', async (_what, edit) => {
    const { id } = await aws.ready();
    await edit(id);
    await steady(id);
    expect((await aws.group(id))?.HealthCheckPath).toBe('/');
    expect((await aws.group(id))?.HealthyThresholdCount).toBe(2);
    expect(await aws.service(id)).toMatchObject({
      networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-1'], assignPublicIp: 'ENABLED' } },
      deploymentConfiguration: { deploymentCircuitBreaker: { enable: true } },
      healthCheckGracePeriodSeconds: 60,
      capacityProviderStrategy: [{ capacityProvider: 'FARGATE', weight: 1 }],
    });
    const { taskArns } = await aws.ecs.listTasks({ cluster });
    const { tasks } = await aws.ecs.describeTasks({ cluster, tasks: taskArns! });
    expect(tasks?.map(({ capacityProviderName }) => capacityProviderName)).toEqual(['FARGATE']);
    expect(await aws.fuses()).toEqual([`tempus-${id}`]);
    const fuse = await aws.scheduler.getSchedule({ GroupName: 'tempus', Name: `tempus-${id}` });
    expect(fuse.State).toBe('ENABLED');
  });

  test('a target group that is deleted with its rules comes back, and serves', async () => {
    const { id } = await aws.ready();
    for (const { RuleArn } of await aws.rules()) await aws.elbv2.deleteRule({ RuleArn });
    await aws.elbv2.deleteTargetGroup({ TargetGroupArn: (await aws.group(id))!.TargetGroupArn });
    await steady(id);
  });

  test('drift is repaired under a refused edit too', async () => {
    const { id } = await aws.ready();
    await aws.edit(id, { 'spec.port': 'eighty' });
    await aws.run(id, 60_000);
    await aws.ecs.updateService({ cluster, service: `tempus-${id}`, desiredCount: 0 });
    await aws.elbv2.deleteRule({ RuleArn: (await aws.rules())[0]!.RuleArn });
    await aws.run(id, DRIFT + 60_000);
    expect((await aws.service(id))?.desiredCount).toBe(1);
    expect(await aws.rules()).toHaveLength(2);
    expect((await aws.row(id)).phase).toBe('Degraded');
    expect(await aws.said(id, 'SpecAccepted')).toMatchObject({ status: 'False', reason: 'InvalidSpec' });
  });
});
