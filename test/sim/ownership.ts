import type { Action } from '@aws-sdk/client-elastic-load-balancing-v2';
import { TAGS } from '../../preview/names.ts';
import { CONFIG, TABLES } from './config.ts';
import type { World } from './world.ts';

type Input = Record<string, unknown>;
type Tags = readonly object[] | undefined;

const SCHEDULE = /^tempus-[0-9a-f]{8}$/;

/** What is wrong about who a change would touch, or undefined: only what carries this install's own tags may be. */
export function wrongOwner(call: string, input: Input, world: World): string | undefined {
  const { ecs, elbv2 } = world.cloud.state;
  const foreign = (tags: Tags, what: string) => strangeness(tags, what, call, world);
  if (call.endsWith('Schedule')) {
    const ours = input['GroupName'] === CONFIG.schedule_group && SCHEDULE.test(String(input['Name']));
    return ours ? undefined : `the schedule ${String(input['Name'])}`;
  }
  if (/^(create|register)/.test(call)) {
    return foreign((input['Tags'] ?? input['tags']) as object[], 'something new without tags');
  }
  const arn = input['TargetGroupArn'] ?? input['RuleArn'];
  if (typeof arn === 'string') {
    const stands = [...elbv2.targetGroups, ...elbv2.rules].some((one) => one.arn === arn);
    return stands ? foreign(elbv2.tags[arn], arn) : undefined;
  }
  if (call === 'updateService' || call === 'deleteService') {
    if (input['cluster'] !== CONFIG.cluster) return `the cluster ${String(input['cluster'])}`;
    const found = ecs.services.find(({ name, status }) => name === input['service'] && status !== 'INACTIVE');
    return found && foreign(found.tags, found.name);
  }
  const found = ecs.taskDefinitions.find((one) => one.arn === input['taskDefinition']);
  return found && foreign(found.tags, found.arn);
}

function strangeness(
  tags: Tags,
  what: string,
  call: string,
  { database, safety }: World,
): string | undefined {
  const map = new Map((tags ?? []).map((tag) => Object.values(tag) as [string, string]));
  const uid = map.get(TAGS.uid) ?? '';
  if (map.get(TAGS.install) !== CONFIG.install || !safety.known.has(uid)) return what;
  // What an earlier incarnation has left may be swept; to go on using it would be to take it over.
  const row = database.item(TABLES.previews, { id: uid.slice(0, 8) });
  const changes = /^(modify|update)/.test(call);
  return changes && row && row['preview_id'] !== uid ? `${what}, of another incarnation` : undefined;
}

/** Where a rule would lead the host of one preview to another, or undefined: a host leads to its own preview alone. */
export function wrongRoute(input: Input, world: World): Record<string, unknown> | undefined {
  const text = JSON.stringify(input['Conditions'] ?? []);
  const ids = [...text.matchAll(/preview-([0-9a-f]{8}(?:-[a-z0-9-]+)?)/g)].map(([, id]) => id);
  const actions = input['Actions'] as Action[] | undefined;
  const waiting = new Set(world.config.albs.map((alb) => alb.waiting_target_group));
  const groups = (actions ?? []).flatMap(({ TargetGroupArn, ForwardConfig }) => [
    TargetGroupArn,
    ...(ForwardConfig?.TargetGroups ?? []).map((group) => group.TargetGroupArn),
  ]);
  const names = world.cloud.state.elbv2.targetGroups
    .filter(({ arn }) => groups.includes(arn) && !waiting.has(arn))
    .map(({ name }) => name);
  const astray = names.some((name) => ids.some((id) => name !== `tempus-${id}`));
  return astray ? { ids, names } : undefined;
}

/** Everything that belongs to somebody else, as text: it must be the same at every resting point. */
export function foreignState(world: World): string {
  const { ecs, elbv2, scheduler } = world.cloud.state;
  const ours = (tags: Tags) => (tags ?? []).some((one) => Object.values(one).includes(CONFIG.install));
  return JSON.stringify([
    ecs.services
      .filter(({ tags }) => !ours(tags))
      .map(({ name, status, desiredCount }) => [name, status, desiredCount]),
    ecs.taskDefinitions.filter(({ tags }) => !ours(tags)).map(({ arn, status }) => [arn, status]),
    elbv2.targetGroups.filter(({ arn }) => !ours(elbv2.tags[arn])).map(({ name }) => name),
    elbv2.rules.filter(({ arn }) => !ours(elbv2.tags[arn])).map(({ arn, priority }) => [arn, priority]),
    scheduler.schedules.filter(({ name }) => !SCHEDULE.test(name)).map(({ name }) => name),
  ]);
}
