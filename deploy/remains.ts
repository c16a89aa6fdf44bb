import { ResourceNotFoundException } from '@aws-sdk/client-dynamodb';
import { ClusterNotFoundException } from '@aws-sdk/client-ecs';
import { ListenerNotFoundException } from '@aws-sdk/client-elastic-load-balancing-v2';
import { ResourceNotFoundException as GroupNotFoundException } from '@aws-sdk/client-scheduler';
import type { PreviewRow } from '../preview/record.ts';
import { PreviewStore } from '../preview/store.ts';
import { type ListPorts, listStanding, type Standing } from '../reconcilers/inventory.ts';
import { standingKey } from '../reconcilers/orphans.ts';
import { prove } from '../reconcilers/strays.ts';
import type { Clients, Deployed } from './deployed.ts';

/** A resource of a preview of this install. */
export interface Own extends Pick<Standing, 'kind' | 'key' | 'id'> {
  /** Protected by hand, with the tag tempus:keep. */
  kept: boolean;
}

/** What there is of previews: their records, and what stands in AWS, which is listed without asking the records. */
export interface Remains {
  live: PreviewRow[];
  standing: Own[];
}

/** AWS first, so that what goes away meanwhile looks like more than there is and never like less. */
export async function listRemains(clients: Clients, { config, tables }: Deployed): Promise<Remains> {
  const standing = await listStanding(unlessPlaceGone(clients), config);
  const proofs = await prove(standing, { ports: clients, config });
  const own: Own[] = [];
  for (const { kind, key, id } of standing) {
    const proof = proofs.get(standingKey({ kind, key }));
    // Fuses have no tags: the group is this install's alone.
    const isOwn = kind === 'schedule' || proof?.install === config.install;
    if (!isOwn || (kind === 'task-definition' && !(await isActive(clients, key)))) continue;
    own.push({ kind, key, id: proof?.preview ?? id, kept: proof?.kept ?? false });
  }
  const store = new PreviewStore({ client: clients.document, table: tables.previews });
  return { standing: own, live: await unlessGone(Array.fromAsync(store.live()), []) };
}

/** What no record accounts for: the sweep of the leader takes it, minutes after it has seen it first. */
export function orphansOf({ live, standing }: Remains): Own[] {
  const ids = new Set(live.map(({ id }) => id));
  return standing.filter(({ id }) => !ids.has(id));
}

/** One that is deregistered runs nothing and costs nothing; AWS shows it for as long as it likes. */
async function isActive({ ecs }: Clients, familyPrefix: string): Promise<boolean> {
  const { taskDefinitionArns = [] } = await ecs.listTaskDefinitions({ familyPrefix, status: 'ACTIVE' });
  return taskDefinitionArns.length > 0;
}

/**
 * Lists nothing where the cluster, a listener or the schedule group is gone, as they are when Terraform was stopped on its
 * way: AWS deletes none of them while anything is in it.
 */
function unlessPlaceGone({ ecs, elbv2, scheduler }: Clients): ListPorts {
  return {
    ecs: {
      listServices: (input) => unlessGone(ecs.listServices(input), {}, ClusterNotFoundException),
      listTaskDefinitionFamilies: (input) => ecs.listTaskDefinitionFamilies(input),
    },
    elbv2: {
      describeTargetGroups: (input) => elbv2.describeTargetGroups(input),
      describeRules: (input) => unlessGone(elbv2.describeRules(input), {}, ListenerNotFoundException),
    },
    scheduler: {
      listSchedules: (input) =>
        unlessGone(scheduler.listSchedules(input), { Schedules: [] }, GroupNotFoundException),
    },
  };
}

/** `fallback` where what is read is gone: a table, unless another error is named. */
export async function unlessGone<T, F>(
  read: Promise<T>,
  fallback: F,
  gone: abstract new (...args: never[]) => Error = ResourceNotFoundException,
): Promise<T | F> {
  try {
    return await read;
  } catch (error) {
    if (error instanceof gone) return fallback;
    throw error;
  }
}
