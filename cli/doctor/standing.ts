import {
  describeFamily,
  describeServices,
  describeTags,
  listFamilies,
  listSchedules,
  listServices,
  type Tags,
  tagsOf,
} from '../../aws/account.ts';
import { idOfName, readHolder, type ResourceKind, TAGS } from '../../preview/names.ts';
import type { Account } from './account.ts';

/** Something in AWS, or a slot, that says of itself that it belongs to a preview of this install. */
export interface Standing {
  kind: ResourceKind | 'slot';
  name: string;
  /** First 8 digits of the preview. */
  id: string;
  /** The incarnation that its tags name; a schedule has none. */
  uid?: string;
  /** Protected by the tag tempus:keep. */
  kept: boolean;
}

const PREFIX = 'tempus-';
/** A family is asked about in calls of its own: so many are looked at. */
const MOST_FAMILIES = 50;

/**
 * What stands and is not of a live record as far as its name tells, proven this install's by its tags. What has a live
 * record's name is that record's: whether it is of an earlier incarnation the controller finds out by itself. A kind that
 * cannot be listed hides no other: its error is among the failures.
 */
export async function listStanding(
  account: Account,
  isLive: (id: string) => boolean,
): Promise<{ standing: Standing[]; failures: unknown[] }> {
  const suspect = (name: string, kind: ResourceKind) => {
    const id = idOfName(name, kind);
    return id !== undefined && !isLive(id);
  };
  const lists = await Promise.allSettled([
    standingServices(account, suspect),
    standingBehindBalancers(account, suspect),
    standingFamilies(account, suspect),
    standingSchedules(account, suspect),
    standingSlots(account),
  ]);
  return {
    standing: lists.flatMap((list) => (list.status === 'fulfilled' ? list.value : [])),
    failures: lists.flatMap((list): unknown[] => (list.status === 'rejected' ? [list.reason] : [])),
  };
}

type Suspect = (name: string, kind: ResourceKind) => boolean;

async function standingServices({ clients, names }: Account, suspect: Suspect): Promise<Standing[]> {
  const all = await listServices(clients, names.cluster);
  const suspects = all.filter((name) => suspect(name, 'service'));
  const services = await describeServices(clients, names.cluster, suspects);
  return services.flatMap(({ serviceName = '', tags }) =>
    own('service', serviceName, tagsOf(tags), names.install),
  );
}

/** Rules have no names: all are asked for their tags. */
async function standingBehindBalancers(account: Account, suspect: Suspect): Promise<Standing[]> {
  const { clients, names } = account;
  const groups = (await account.targetGroups()).filter(({ TargetGroupName = '' }) =>
    suspect(TargetGroupName, 'target-group'),
  );
  const rules = (await account.balancers()).flatMap((balancer) => balancer.rules);
  const arns = [
    ...groups.flatMap(({ TargetGroupArn }) => TargetGroupArn ?? []),
    ...rules.flatMap(({ RuleArn }) => RuleArn ?? []),
  ];
  const tags = await describeTags(clients, arns);
  return [
    ...groups.flatMap(({ TargetGroupName = '', TargetGroupArn = '' }) =>
      own('target-group', TargetGroupName, tags.get(TargetGroupArn), names.install),
    ),
    ...rules.flatMap(({ RuleArn = '' }) => own('listener-rule', RuleArn, tags.get(RuleArn), names.install)),
  ];
}

async function standingFamilies({ clients, names }: Account, suspect: Suspect): Promise<Standing[]> {
  const all = await listFamilies(clients, PREFIX);
  const found: Standing[] = [];
  for (const family of all.filter((name) => suspect(name, 'task-definition')).slice(0, MOST_FAMILIES)) {
    found.push(...own('task-definition', family, await describeFamily(clients, family), names.install));
  }
  return found;
}

/** Schedules cannot be tagged: the group is the install's own. */
async function standingSchedules({ clients, names }: Account, suspect: Suspect): Promise<Standing[]> {
  const all = await listSchedules(clients, names.fuses, PREFIX);
  return all.flatMap((name): Standing[] => {
    const id = idOfName(name, 'schedule');
    return id !== undefined && suspect(name, 'schedule') ? [{ kind: 'schedule', name, id, kept: false }] : [];
  });
}

async function standingSlots(account: Account): Promise<Standing[]> {
  return (await account.balancers()).flatMap(({ name, holders }) =>
    holders.map((holder): Standing => {
      const { uid } = readHolder(holder);
      return { kind: 'slot', name: `${name} ${holder}`, id: uid.slice(0, 8), uid, kept: false };
    }),
  );
}

function own(kind: ResourceKind, name: string, tags: Tags | undefined, install: string): Standing[] {
  const uid = tags?.get(TAGS.uid);
  if (uid === undefined || tags?.get(TAGS.install) !== install) return [];
  const keep = tags.get(TAGS.keep);
  const id = tags.get(TAGS.preview) ?? uid.slice(0, 8);
  return [{ kind, name, id, uid, kept: keep !== undefined && keep !== 'false' }];
}
