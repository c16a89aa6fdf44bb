import { findCondition } from '../../preview/conditions.ts';
import { containersOf, endpointsOf } from '../../preview/endpoints.ts';
import { readHolder, resourceName, slotHolder } from '../../preview/names.ts';
import type { PreviewRow } from '../../preview/record.ts';
import type { Spec } from '../../preview/spec.ts';
import { previewUrls } from '../../preview/urls.ts';
import { rulePriorities } from '../../reconcilers/plan-endpoint.ts';
import type { SlotTable } from '../../preview/coordination.ts';
import { TABLES } from './config.ts';
import { desiredOf, servableOf, tellingImage } from './desired.ts';
import { inventory, type Resource } from './inventory.ts';
import { IMAGES, SERVING } from './tasks.ts';
import { EPOCH } from './virtual-time.ts';
import type { World } from './world.ts';

/**
 * What is not as it should be, a line each; nothing once the install has converged. Judged from the desired state in
 * the table and from AWS alone, never from what the controller says of itself, which is then held against both.
 */
export function unsettled(world: World): string[] {
  const rows = world.database.items(TABLES.previews) as unknown as PreviewRow[];
  const resources = inventory(world.cloud.state);
  const slots = slotsOf(world);
  return [
    ...rows.flatMap((row) =>
      faultsOf(row, { world, resources, slots }).map((fault) => `${row.id}: ${fault}`),
    ),
    ...orphans(rows, resources),
    ...strayOwners(rows, slots),
  ];
}

interface Scene {
  world: World;
  resources: readonly Resource[];
  slots: ReadonlyMap<string, SlotTable>;
}

function slotsOf(world: World): Map<string, SlotTable> {
  const items = world.database.items(TABLES.coordination) as unknown as (SlotTable & { key: string })[];
  return new Map(
    items.flatMap((item) => (item.key.startsWith('slots#') ? [[item.key.slice('slots#'.length), item]] : [])),
  );
}

/** A tombstone. A hand may have written another phase on it: it is in no index, and is purged all the same. */
function isClosed({ live, purge_at }: PreviewRow): boolean {
  return live === undefined && purge_at !== undefined;
}

function faultsOf(row: PreviewRow, scene: Scene): string[] {
  const { world, resources } = scene;
  const own = resources.filter(({ id }) => id === row.id);
  if (isClosed(row)) return own.length > 0 ? [`${own.length} resources outlive the record`] : [];
  if (world.safety.condemned.has(row.preview_id) && row.phase !== 'Deleting') return ['it came back'];
  const { spec, ends, refused } = desiredOf(row, world.config.max_ttl_hours);
  if (ends <= EPOCH + world.time.ms) return ['its time is up'];
  if (row.phase === 'Deleting' || row.phase === 'Deleted') return [`still ${row.phase}`];
  const said = (type: 'SpecAccepted' | 'Admitted' | 'Ready' | 'RouteReady') =>
    findCondition(row.status.conditions, type);
  if (refused && said('SpecAccepted')?.status !== 'False') return ['a bad edit is not reported'];
  if (!refused && said('SpecAccepted')?.status !== 'True') return ['a good spec is not accepted'];
  if (!spec) return row.phase === 'Failed' ? [] : [`never accepted, and ${row.phase}`];
  const running = servableOf(spec, row.status.served_spec) ?? spec;
  const wanted = endpointsOf(running).map(({ suffix }) => slotHolder(row.preview_id, suffix));
  const held = [...scene.slots].find(([, { owners }]) => wanted.every((holder) => holder in owners));
  if (!held) return waiting(row, scene);
  if (world.safety.blocked.has(row.id)) {
    return said('RouteReady')?.reason === 'NameConflict' || said('Ready')?.reason === 'NameConflict'
      ? []
      : ['its name is taken and it does not say so'];
  }
  return [...served(row, spec, refused, scene), ...shape(row, running, held[0], own, scene)];
}

function waiting(row: PreviewRow, { slots, world }: Scene): string[] {
  const admitted = findCondition(row.status.conditions, 'Admitted');
  if (admitted?.status !== 'False') return ['holds no slot and is not said to wait'];
  const free = world.config.albs.some(
    (alb) => Object.keys(slots.get(alb.name)?.slots ?? {}).length < alb.slots,
  );
  return free ? ['waits although a slot is free'] : [];
}

/** Whether what runs is what should run, and whether the phase says so. */
function served(row: PreviewRow, spec: Spec, refused: boolean, { world }: Scene): string[] {
  const { cloud, config } = world;
  const service = cloud.state.ecs.services.find(
    ({ name, status }) => name === resourceName(row.id) && status === 'ACTIVE',
  );
  const runs = cloud.state.ecs.tasks.filter(
    ({ family, lastStatus }) => family === resourceName(row.id) && lastStatus !== 'STOPPED',
  );
  const wanted = tellingImage(spec);
  const running = servableOf(spec, row.status.served_spec);
  if (running === undefined) {
    // Nothing good to run: it has to say so, and to cost nothing. What time may cure is tried again now and then.
    const retried = wanted === IMAGES.missing && row.phase === 'Provisioning';
    if (row.phase !== 'Failed' && !retried) return [`cannot run, and is ${row.phase}`];
    return row.phase === 'Failed' && runs.length > 0 && service?.desiredCount !== 0
      ? ['failed, and still runs']
      : [];
  }
  const faults: string[] = [];
  // Whoever never was Ready cannot be less than that: an edit that was refused leaves it where it was.
  const short = row.status.ready_at === undefined ? 'Provisioning' : 'Degraded';
  const expected = SERVING.has(wanted) && !refused ? 'Ready' : short;
  const retried = wanted === IMAGES.missing && row.phase === 'Updating';
  if (row.phase !== expected && !retried) faults.push(`is ${row.phase}, not ${expected}: ${why(row)}`);
  const rejected = !SERVING.has(wanted) && !refused && wanted !== IMAGES.missing;
  if (rejected && !/RolledBack/.test(why(row)))
    faults.push(`has fallen back and does not say so: ${why(row)}`);
  if (service?.desiredCount !== 1) faults.push(`has ${service?.desiredCount ?? 'no'} desired tasks`);
  const images = containersOf(running)
    .map(({ image }) => image)
    .join();
  const provider = running.capacity === 'spot' ? 'FARGATE_SPOT' : 'FARGATE';
  const asAsked = runs.some(
    ({ containers, capacityProvider }) =>
      containers.map((one) => one.image).join() === images && capacityProvider === provider,
  );
  if (!asAsked) faults.push(`does not run ${images} on ${provider}`);
  const alb = config.albs.find(({ name }) => name === row.status.slot?.alb);
  const suffixes = endpointsOf(running).map(({ suffix }) => suffix);
  for (const url of alb ? previewUrls(row.id, alb, suffixes) : []) {
    if (cloud.ask(url, alb?.listener_arn ?? '').status !== 200) faults.push(`${url} does not answer`);
  }
  return faults;
}

function why({ status }: PreviewRow): string {
  const ready = findCondition(status.conditions, 'Ready');
  return `${ready?.reason} (${ready?.message})`;
}

/** One of each: exactly what the plan has, where the slot says. */
function shape(
  row: PreviewRow,
  running: Spec,
  alb: string,
  own: readonly Resource[],
  { world, slots }: Scene,
): string[] {
  const config = world.config.albs.find(({ name }) => name === alb);
  const count = (kind: Resource['kind']) => own.filter((one) => one.kind === kind).length;
  const forms = 1 + (config?.path_authority ? 1 : 0);
  const faults: string[] = [];
  const strange = own.filter(({ uid }) => uid !== undefined && uid !== row.preview_id);
  for (const { kind } of strange) faults.push(`has taken over the ${kind} of another`);
  const expect = (kind: Resource['kind'], n: number) => {
    if (count(kind) !== n) faults.push(`has ${count(kind)} of ${kind}, not ${n}`);
  };
  expect('service', 1);
  const addresses = endpointsOf(running);
  expect('target-group', addresses.length);
  expect('listener-rule', forms * addresses.length);
  expect('schedule', 1);
  if (count('task-definition') === 0) faults.push('has no task definition');
  const owners = Object.entries(slots.get(alb)?.owners ?? {});
  const numbers = owners.flatMap(([holder, n]) => (readHolder(holder).uid === row.preview_id ? [n] : []));
  if (numbers.length !== addresses.length) faults.push(`holds ${numbers.length} slots`);
  const priorities = new Set(numbers.flatMap((n) => Object.values(rulePriorities(n))));
  const rules = world.cloud.state.elbv2.rules.filter(({ arn }) => own.some(({ name }) => name === arn));
  for (const { priority } of rules) {
    if (!priorities.has(Number(priority))) faults.push(`a rule stands at ${priority}`);
  }
  const fuse = world.cloud.state.scheduler.schedules.find(({ name }) => name === resourceName(row.id));
  const ends = row.status.accepted?.expires_at ?? row.expires_at;
  const at = new Date(Date.parse(ends) + world.config.fuse_delay_minutes * 60_000).toISOString().slice(0, 19);
  if (fuse && fuse.expression !== `at(${at})`)
    faults.push(`its fuse is set to ${fuse.expression}, not ${at}`);
  return faults;
}

function orphans(rows: readonly PreviewRow[], resources: readonly Resource[]): string[] {
  const live = new Set(
    rows.filter((row) => !isClosed(row)).flatMap(({ id, preview_id }) => [id, preview_id]),
  );
  return resources
    .filter(({ uid, id }) => !live.has(uid ?? id))
    .map(({ kind, id }) => `${id}: an orphaned ${kind}`);
}

function strayOwners(rows: readonly PreviewRow[], slots: ReadonlyMap<string, SlotTable>): string[] {
  const live = new Set(rows.filter((row) => !isClosed(row)).map(({ preview_id }) => preview_id));
  return [...slots].flatMap(([alb, { owners }]) =>
    Object.keys(owners)
      .filter((holder) => !live.has(readHolder(holder).uid))
      .map((uid) => `${uid}: holds a slot of ${alb} after its end`),
  );
}
