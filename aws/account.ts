import {
  type Service,
  paginateListServices,
  paginateListTaskDefinitionFamilies,
  paginateListTasks,
  type Task,
} from '@aws-sdk/client-ecs';
import {
  type Listener,
  type LoadBalancer,
  paginateDescribeAccountLimits,
  paginateDescribeListeners,
  paginateDescribeLoadBalancers,
  paginateDescribeRules,
  paginateDescribeTargetGroups,
  type Rule,
  type TargetGroup,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { paginateListSchedules } from '@aws-sdk/client-scheduler';
import type { DoctorClients } from './doctor-clients.ts';
import { isTaggedGone } from './errors.ts';

/** AWS takes at most so many in one call. */
const SERVICES_A_CALL = 10;
const TASKS_A_CALL = 100;
const TAGS_A_CALL = 20;

export type Tags = ReadonlyMap<string, string>;

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, n) =>
    items.slice(n * size, (n + 1) * size),
  );
}

/** The names of all services of a cluster. */
export async function listServices({ ecs }: DoctorClients, cluster: string): Promise<string[]> {
  const pages = await Array.fromAsync(paginateListServices({ client: ecs, pageSize: 100 }, { cluster }));
  return pages.flatMap(({ serviceArns = [] }) => serviceArns.map((arn) => arn.split('/').at(-1) ?? ''));
}

/** Services with their tags. What ECS does not know, or knows as INACTIVE, is left out. */
export async function describeServices(
  { ecs }: DoctorClients,
  cluster: string,
  names: readonly string[],
): Promise<Service[]> {
  const found: Service[] = [];
  for (const services of chunks(names, SERVICES_A_CALL)) {
    found.push(...((await ecs.describeServices({ cluster, services, include: ['TAGS'] })).services ?? []));
  }
  return found.filter(({ status }) => status !== 'INACTIVE');
}

/** The tasks of a cluster that run or are meant to. */
export async function listTasks({ ecs }: DoctorClients, cluster: string): Promise<Task[]> {
  const pages = await Array.fromAsync(paginateListTasks({ client: ecs, pageSize: 100 }, { cluster }));
  const found: Task[] = [];
  for (const tasks of chunks(
    pages.flatMap(({ taskArns = [] }) => taskArns),
    TASKS_A_CALL,
  )) {
    found.push(...((await ecs.describeTasks({ cluster, tasks })).tasks ?? []));
  }
  return found;
}

/** Families of task definitions of which ECS still lists a revision, deregistered ones included. */
export async function listFamilies({ ecs }: DoctorClients, familyPrefix: string): Promise<string[]> {
  const asked = { familyPrefix, status: 'ALL' as const };
  const pages = await Array.fromAsync(
    paginateListTaskDefinitionFamilies({ client: ecs, pageSize: 100 }, asked),
  );
  return pages.flatMap(({ families = [] }) => families);
}

/** The tags of a family's newest revision; undefined when it has none any more. */
export async function describeFamily(
  { ecs }: DoctorClients,
  familyPrefix: string,
): Promise<Tags | undefined> {
  for (const status of ['ACTIVE', 'INACTIVE'] as const) {
    const asked = { familyPrefix, status, sort: 'DESC' as const, maxResults: 1 };
    const [taskDefinition] = (await ecs.listTaskDefinitions(asked)).taskDefinitionArns ?? [];
    if (taskDefinition === undefined) continue;
    return tagsOf((await ecs.describeTaskDefinition({ taskDefinition, include: ['TAGS'] })).tags);
  }
  return undefined;
}

/** ECS writes tags with small letters. */
export function tagsOf(tags: readonly { key?: string | undefined; value?: string | undefined }[] = []): Tags {
  return new Map(tags.map(({ key = '', value = '' }) => [key, value]));
}

export async function listLoadBalancers({ elbv2 }: DoctorClients): Promise<LoadBalancer[]> {
  const pages = await Array.fromAsync(paginateDescribeLoadBalancers({ client: elbv2 }, {}));
  return pages.flatMap(({ LoadBalancers = [] }) => LoadBalancers);
}

export async function listListeners({ elbv2 }: DoctorClients, arn: string): Promise<Listener[]> {
  const pages = await Array.fromAsync(paginateDescribeListeners({ client: elbv2 }, { LoadBalancerArn: arn }));
  return pages.flatMap(({ Listeners = [] }) => Listeners);
}

/** The rules of a listener without its default one, which no quota counts. */
export async function listRules({ elbv2 }: DoctorClients, listener: string): Promise<Rule[]> {
  const pages = await Array.fromAsync(paginateDescribeRules({ client: elbv2 }, { ListenerArn: listener }));
  return pages.flatMap(({ Rules = [] }) => Rules).filter(({ IsDefault }) => !IsDefault);
}

/** All target groups of the Region. */
export async function listTargetGroups({ elbv2 }: DoctorClients): Promise<TargetGroup[]> {
  const pages = await Array.fromAsync(paginateDescribeTargetGroups({ client: elbv2 }, {}));
  return pages.flatMap(({ TargetGroups = [] }) => TargetGroups);
}

/** What the account may have of each thing, by AWS's names. */
export async function readLoadBalancingLimits({
  elbv2,
}: DoctorClients): Promise<ReadonlyMap<string, number>> {
  const pages = await Array.fromAsync(paginateDescribeAccountLimits({ client: elbv2 }, {}));
  return new Map(pages.flatMap(({ Limits = [] }) => Limits.map(({ Name = '', Max }) => [Name, Number(Max)])));
}

/** The tags of load balancing resources, by ARN. What is gone by now is left out. */
export async function describeTags(
  clients: DoctorClients,
  arns: readonly string[],
): Promise<Map<string, Tags>> {
  const found = new Map<string, Tags>();
  for (const ResourceArns of chunks(arns, TAGS_A_CALL)) {
    try {
      const { TagDescriptions = [] } = await clients.elbv2.describeTags({ ResourceArns });
      for (const { ResourceArn = '', Tags = [] } of TagDescriptions) {
        found.set(ResourceArn, new Map(Tags.map(({ Key = '', Value = '' }) => [Key, Value])));
      }
    } catch (error) {
      if (!isTaggedGone(error)) throw error;
      // One that is gone by now refuses the whole call: then each is asked for alone.
      if (ResourceArns.length === 1) continue;
      for (const arn of ResourceArns) {
        for (const [key, tags] of await describeTags(clients, [arn])) found.set(key, tags);
      }
    }
  }
  return found;
}

/** The names of the schedules of a group that begin with `prefix`. */
export async function listSchedules(
  { scheduler }: DoctorClients,
  group: string,
  prefix: string,
): Promise<string[]> {
  const asked = { GroupName: group, NamePrefix: prefix };
  const pages = await Array.fromAsync(paginateListSchedules({ client: scheduler }, asked));
  return pages.flatMap(({ Schedules = [] }) => Schedules.map(({ Name = '' }) => Name));
}
