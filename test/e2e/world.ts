import { execFileSync } from 'node:child_process';
import { createClients } from '../../aws/clients.ts';
import { NAMES } from '../../laptop/infrastructure.ts';
import { resourceName } from '../../preview/names.ts';
import type { Laptop } from './laptop-process.ts';

/** What stands in the world, asked of AWS's own API and of the operating system, not of Tempus. */
export interface World {
  services: string[];
  targetGroups: string[];
  rules: number;
  taskDefinitions: string[];
  schedules: string[];
  slots: number;
}

export function clientsOf(laptop: Pick<Laptop, 'aws'>) {
  return createClients({
    region: 'us-east-1',
    endpoint: laptop.aws,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
}

export async function inspect(laptop: Pick<Laptop, 'aws'>): Promise<World> {
  const clients = clientsOf(laptop);
  const { ecs, elbv2, scheduler, document } = clients;
  try {
    const { serviceArns = [] } = await ecs.listServices({ cluster: NAMES.cluster, maxResults: 100 });
    const { TargetGroups = [] } = await elbv2.describeTargetGroups({});
    const { LoadBalancers = [] } = await elbv2.describeLoadBalancers({});
    const { Listeners = [] } = await elbv2.describeListeners({
      LoadBalancerArn: LoadBalancers[0]?.LoadBalancerArn,
    });
    const { Rules = [] } = await elbv2.describeRules({ ListenerArn: Listeners[0]?.ListenerArn });
    const { taskDefinitionArns = [] } = await ecs.listTaskDefinitions({ status: 'ACTIVE' });
    const { Schedules = [] } = await scheduler.listSchedules({ GroupName: NAMES.schedule_group });
    const slots = await document.get({ TableName: NAMES.coordination, Key: { key: `slots#${NAMES.alb}` } });
    return {
      services: serviceArns,
      targetGroups: TargetGroups.map(({ TargetGroupName = '' }) => TargetGroupName).filter(
        (name) => name !== NAMES.waiting_room,
      ),
      rules: Rules.filter(({ IsDefault }) => !IsDefault).length,
      taskDefinitions: taskDefinitionArns,
      schedules: Schedules.map(({ Name = '' }) => Name),
      slots: Object.keys((slots.Item?.slots as object | undefined) ?? {}).length,
    };
  } finally {
    clients.destroy();
  }
}

export const NOTHING: World = {
  services: [],
  targetGroups: [],
  rules: 0,
  taskDefinitions: [],
  schedules: [],
  slots: 0,
};

/** Everything of one preview that stands, as names. */
export function standingOf(world: World, id: string): string[] {
  const name = resourceName(id);
  return [...world.services, ...world.targetGroups, ...world.taskDefinitions, ...world.schedules].filter(
    (what) => what.includes(name),
  );
}

/** Processes of this machine whose command line or environment holds `text`. */
export function processesWith(text: string): number[] {
  const lines = execFileSync('ps', ['axeww', '-o', 'pid=,command='], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  return lines
    .split('\n')
    .filter((line) => line.includes(text) && !line.includes('ps axeww'))
    .map((line) => Number.parseInt(line, 10));
}
