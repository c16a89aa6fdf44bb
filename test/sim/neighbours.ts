import type { World } from './world.ts';

/**
 * Somebody else in the same account, whose things look almost like ours: same names without tags, another install's
 * tags, a rule on our listener. Nothing of it may ever change.
 */
export async function settleNeighbours(world: World): Promise<void> {
  const { cloud, config } = world;
  const [alb] = config.albs;
  const tags = (install: string) => [
    { Key: 'tempus:managed', Value: 'true' },
    { Key: 'tempus:install', Value: install },
    { Key: 'tempus:uid', Value: '0badcafe-0000-4000-8000-000000000000' },
    { Key: 'tempus:preview', Value: '0badcafe' },
  ];
  const group = async (Name: string, Tags?: ReturnType<typeof tags>) => {
    const made = await cloud.elbv2.createTargetGroup({
      Name,
      Protocol: 'HTTP',
      Port: 80,
      VpcId: config.vpc_id,
      TargetType: 'ip',
      ...(Tags ? { Tags } : {}),
    });
    return made.TargetGroups?.[0]?.TargetGroupArn ?? '';
  };
  const theirs = await group('tempus-0badcafe', tags('another-install'));
  await group('tempus-0badbeef');
  await cloud.elbv2.createRule({
    ListenerArn: alb?.listener_arn,
    Priority: 40_000,
    Conditions: [{ Field: 'host-header', HostHeaderConfig: { Values: ['shop.example.test'] } }],
    Actions: [{ Type: 'forward', TargetGroupArn: theirs }],
  });
  for (const family of ['tempus-0badcafe', 'tempus-0badbeef']) {
    await cloud.ecs.registerTaskDefinition({
      family,
      requiresCompatibilities: ['FARGATE'],
      networkMode: 'awsvpc',
      cpu: '256',
      memory: '512',
      containerDefinitions: [{ name: 'app', image: 'theirs', essential: true }],
      ...(family.endsWith('cafe')
        ? { tags: tags('another-install').map(({ Key, Value }) => ({ key: Key, value: Value })) }
        : {}),
    });
  }
  await cloud.scheduler.createSchedule({
    Name: 'nightly-report',
    GroupName: config.schedule_group,
    ScheduleExpression: 'at(2030-01-01T00:00:00)',
    FlexibleTimeWindow: { Mode: 'OFF' },
    Target: {
      Arn: 'arn:aws:scheduler:::aws-sdk:ecs:updateService',
      RoleArn: config.fuse_role_arn,
      Input: JSON.stringify({ Cluster: config.cluster, Service: 'theirs', DesiredCount: 0 }),
    },
  });
  world.safety.guardNeighbours();
}
