import { expect } from 'vitest';
import { Coordination } from '../preview/coordination.ts';
import { resourceTags } from '../preview/names.ts';
import { type DoctorWorld, EXPIRE, NAMES, nth } from './doctor-world.ts';

/** Everything of one preview, of which there is no record. */
export async function orphan(
  world: DoctorWorld,
  n: number,
  { install = 'tempus', keep = false, fuse = true } = {},
): Promise<void> {
  const { elbv2, scheduler } = world.clients;
  const { id, preview_id } = nth(n);
  const name = `tempus-${id}`;
  const tags = (kind: Parameters<typeof resourceTags>[2]) => [
    ...resourceTags(install, { id, preview_id }, kind),
    ...(keep ? [{ Key: 'tempus:keep', Value: 'true' }] : []),
  ];
  const { TargetGroups } = await elbv2.createTargetGroup({
    Name: name,
    Protocol: 'HTTP',
    Port: 80,
    VpcId: 'vpc-1',
    TargetType: 'ip',
    Tags: tags('target-group'),
  });
  const TargetGroupArn = TargetGroups![0]!.TargetGroupArn!;
  await elbv2.createRule({
    ListenerArn: world.listener_arn,
    Priority: 100 + n,
    Conditions: [{ Field: 'path-pattern', PathPatternConfig: { Values: [`/preview-${id}/*`] } }],
    Actions: [{ Type: 'forward', TargetGroupArn }],
    Tags: tags('listener-rule'),
  });
  const ecsTags = (kind: 'service' | 'task-definition') =>
    tags(kind).map(({ Key, Value }) => ({ key: Key, value: Value }));
  await service(world, name, 0, { family: ecsTags('task-definition'), service: ecsTags('service') });
  if (!fuse) return;
  await scheduler.createSchedule({
    ...EXPIRE,
    GroupName: NAMES.fuses,
    Name: name,
    ScheduleExpression: 'at(2099-01-01T00:00:00)',
  });
}

type EcsTags = { key: string; value: string }[];

export async function service(
  world: DoctorWorld,
  name: string,
  desiredCount: number,
  tags: { family?: EcsTags; service?: EcsTags } = {},
): Promise<void> {
  const { ecs } = world.clients;
  await ecs.registerTaskDefinition({
    family: name,
    requiresCompatibilities: ['FARGATE'],
    networkMode: 'awsvpc',
    cpu: '256',
    memory: '512',
    containerDefinitions: [{ name: 'app', image: 'good', essential: true }],
    ...(tags.family ? { tags: tags.family } : {}),
  });
  await ecs.createService({
    cluster: NAMES.cluster,
    serviceName: name,
    taskDefinition: name,
    desiredCount,
    launchType: 'FARGATE',
    networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-1'] } },
    ...(tags.service ? { tags: tags.service } : {}),
  });
}

/** A slot that a preview holds of which there is no record. */
export async function slot(world: DoctorWorld, n: number): Promise<void> {
  const coordination = new Coordination({ client: world.clients.document, table: NAMES.coordination });
  await coordination.reserveSlots('tempus-previews-1', [{ n, holder: nth(n).preview_id }]);
}

/** A task that runs. */
export async function runTask(world: DoctorWorld): Promise<void> {
  await service(world, NAMES.api_service, 1);
  const { ecs } = world.clients;
  await expect.poll(async () => (await ecs.listTasks({ cluster: NAMES.cluster })).taskArns).toHaveLength(1);
}
