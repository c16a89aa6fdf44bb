import { resourceTags } from '../preview/names.ts';
import type { PreviewRow } from '../preview/record.ts';
import type { SweepReport } from '../preview/sweep-board.ts';
import { type Leave, type Sightings, sweep } from '../reconcilers/sweep.ts';
import type { ReconcileWorld } from './reconcile-world.ts';

export const MINUTE = 60_000;

/** The leader's sweeps over a world that stands still between them. */
export class Broom {
  readonly world: ReconcileWorld;
  sightings: Sightings = new Map();

  constructor(world: ReconcileWorld) {
    this.world = world;
  }

  sweep(leave?: Leave): Promise<SweepReport> {
    return sweep(this.sightings, leave, this.world.deps);
  }

  /** Sweeps every two minutes for so long; answers all reports. */
  async sweepFor(minutes: number): Promise<SweepReport[]> {
    const reports: SweepReport[] = [];
    for (let at = 0; at < minutes; at += 2) {
      reports.push(await this.sweep());
      await this.world.clock.advance(2 * MINUTE);
    }
    return reports;
  }
}

export function leaveFor(max: number): Leave & { used: boolean } {
  const leave = {
    request_id: `r${max}`,
    max,
    used: false,
    take: async () => (leave.used ? false : (leave.used = true)),
  };
  return leave;
}

export const allow = {
  Conditions: [{ Field: 'host-header', HostHeaderConfig: { Values: ['late.example'] } }],
};

/** Everything of one preview, made by calls that land when nobody waits for them any more. */
export async function land(
  world: ReconcileWorld,
  { id, preview_id }: Pick<PreviewRow, 'id' | 'preview_id'>,
  { install = 'test', priority = 40_000, tagged = true } = {},
): Promise<void> {
  const { elbv2, ecs, scheduler, config } = world;
  const name = `tempus-${id}`;
  const tags = (kind: Parameters<typeof resourceTags>[2]) =>
    tagged ? resourceTags(install, { id, preview_id }, kind) : [];
  const ecsTags = (kind: Parameters<typeof resourceTags>[2]) =>
    tags(kind).map(({ Key, Value }) => ({ key: Key, value: Value }));
  const { TargetGroups } = await elbv2.createTargetGroup({
    Name: name,
    Protocol: 'HTTP',
    Port: 80,
    VpcId: 'vpc-1',
    TargetType: 'ip',
    Tags: tags('target-group'),
  });
  const targetGroupArn = TargetGroups![0]!.TargetGroupArn!;
  await elbv2.createRule({
    ListenerArn: config.albs[0]!.listener_arn,
    Priority: priority,
    ...allow,
    Actions: [{ Type: 'forward', TargetGroupArn: targetGroupArn }],
    Tags: tags('listener-rule'),
  });
  const { taskDefinition } = await ecs.registerTaskDefinition({
    family: name,
    requiresCompatibilities: ['FARGATE'],
    networkMode: 'awsvpc',
    cpu: '256',
    memory: '512',
    containerDefinitions: [{ name: 'app', image: 'acme/web:good', portMappings: [{ containerPort: 80 }] }],
    tags: ecsTags('task-definition'),
  });
  await ecs.createService({
    cluster: config.cluster,
    serviceName: name,
    desiredCount: 1,
    launchType: 'FARGATE',
    taskDefinition: taskDefinition!.taskDefinitionArn,
    loadBalancers: [{ targetGroupArn, containerName: 'app', containerPort: 80 }],
    networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-1'] } },
    tags: ecsTags('service'),
  });
  if (tagged && install === 'test') await scheduler.createSchedule(fuse(name, config.schedule_group));
}

export function fuse(Name: string, GroupName: string) {
  return {
    Name,
    GroupName,
    ScheduleExpression: 'at(2027-01-01T00:00:00)',
    FlexibleTimeWindow: { Mode: 'OFF' as const },
    Target: {
      Arn: 'arn:aws:scheduler:::aws-sdk:ecs:updateService',
      RoleArn: 'r',
      Input: JSON.stringify({ Cluster: 'tempus', Service: Name, DesiredCount: 0 }),
    },
  };
}

export function nth(n: number): { id: string; preview_id: string } {
  const id = `dead${n.toString(16).padStart(4, '0')}`;
  return { id, preview_id: `${id}-0000-4000-8000-000000000000` };
}

export const kindsOf = (orphans: readonly { kind: string }[]) =>
  [...new Set(orphans.map(({ kind }) => kind))].toSorted();
