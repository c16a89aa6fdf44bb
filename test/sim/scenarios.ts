import { toSeconds } from '../../platform/clock.ts';
import { ALL_HEARD } from './events.ts';
import type { Human } from './human.ts';
import { settleNeighbours } from './neighbours.ts';
import { severalOf, severalSpec } from './several.ts';
import { IMAGES } from './tasks.ts';
import type { World, WorldOptions } from './world.ts';

/** A story of one install, to be told again under every fault. */
export interface Scenario {
  name: string;
  /** What differs from the usual world. */
  world?: Partial<WorldOptions>;
  /** Told as it is only: with every fault it would show what shorter ones show. */
  once?: true;
  /** What people do. Whatever happens on the way, it comes to its end: it waits for conditions only so long. */
  play(human: Human, world: World): Promise<void>;
}

const MINUTE = 60_000;
/** Longer than any single fault holds up what a story waits for. */
const PATIENCE_MS = 20 * MINUTE;

async function ready(human: Human, id: string): Promise<void> {
  await human.until(() => human.phase(id) === 'Ready', PATIENCE_MS);
}

async function gone(human: Human, id: string): Promise<void> {
  await human.until(() => ['Deleted', 'none'].includes(human.phase(id)), PATIENCE_MS);
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'shortest-life',
    async play(human) {
      const id = await human.create();
      await ready(human, id);
      await human.remove(id);
      await gone(human, id);
    },
  },
  {
    name: 'life-until-expiry',
    async play(human) {
      const id = await human.create({ ttl_minutes: 5 });
      await gone(human, id);
    },
  },
  {
    name: 'delete-mid-provision',
    async play(human) {
      const id = await human.create();
      await human.until(() => human.phase(id) === 'Provisioning', PATIENCE_MS);
      await human.wait(400);
      await human.remove(id);
      await gone(human, id);
    },
  },
  {
    name: 'update-image',
    async play(human) {
      const id = await human.create();
      await ready(human, id);
      await human.edit(id, { 'spec.image': IMAGES.better, 'spec.capacity': 'spot' });
      await human.until(() => human.phase(id) === 'Updating', MINUTE);
      await ready(human, id);
      await human.remove(id);
      await gone(human, id);
    },
  },
  {
    name: 'bad-image-then-fixed',
    async play(human) {
      const id = await human.create({ image: IMAGES.crashing });
      await human.until(() => human.phase(id) === 'Failed', PATIENCE_MS);
      await human.edit(id, { 'spec.image': IMAGES.good });
      await ready(human, id);
      await human.edit(id, { 'spec.image': IMAGES.sick });
      await human.until(() => human.phase(id) === 'Degraded', PATIENCE_MS);
      await human.edit(id, { 'spec.image': IMAGES.better });
      await ready(human, id);
      await human.remove(id);
      await gone(human, id);
    },
  },
  {
    name: 'extend-at-expiry',
    async play(human) {
      const id = await human.create({ ttl_minutes: 4 });
      await ready(human, id);
      const end = Date.parse(human.row(id)?.expires_at ?? '');
      await human.until(() => Date.parse(toSeconds(human.now)) >= end, PATIENCE_MS);
      await human.extend(id, 5);
      await human.wait(2 * MINUTE);
      await gone(human, id);
    },
  },
  {
    name: 'extend-between-list-and-flip',
    async play(human) {
      const id = await human.create({ ttl_minutes: 4 });
      await ready(human, id);
      const end = Date.parse(human.row(id)?.expires_at ?? '');
      // The Lambda's list is answered 40 ms after the minute, its flip arrives 20 ms later.
      await human.wait(end - human.now.getTime() + 50);
      await human.extend(id, 5);
      await human.wait(2 * MINUTE);
      await gone(human, id);
    },
  },
  {
    name: 'several-containers',
    async play(human) {
      const id = await human.create({ containers: severalOf(['api']) });
      await ready(human, id);
      await human.edit(id, { spec: severalSpec(['admin']) });
      await human.until(() => human.phase(id) !== 'Ready', MINUTE);
      await ready(human, id);
      await human.remove(id);
      await gone(human, id);
    },
  },
  {
    name: 'addresses-wait-for-room',
    world: { albs: [3] },
    once: true,
    async play(human) {
      const one = await human.create({ ttl_minutes: 20 });
      await ready(human, one);
      const big = await human.create({ containers: severalOf(['api', 'admin']) });
      const late = await human.create();
      await human.until(
        () => human.phase(one) === 'Deleted' && human.phase(big) === 'Ready',
        2 * PATIENCE_MS,
      );
      await human.remove(big);
      await ready(human, late);
      await human.edit(late, { spec: severalSpec(['x', 'y', 'z']) });
      await human.wait(MINUTE);
      await human.edit(late, { spec: severalSpec([], IMAGES.crashing) });
      await human.until(() => human.says(late) === 'RolledBack', PATIENCE_MS);
    },
  },
  {
    name: 'extended-and-alive',
    once: true,
    async play(human) {
      const id = await human.create();
      await ready(human, id);
      await human.extend(id, 60);
      await human.wait(6 * MINUTE);
    },
  },
  {
    name: 'births-around-a-sweep',
    once: true,
    world: { pace: 'aws' },
    async play(human) {
      await human.wait(90_000);
      const ids: string[] = [];
      for (let n = 0; n < 8; n += 1) {
        ids.push(await human.create());
        await human.wait(7_000);
      }
      for (const id of ids) await ready(human, id);
      for (const id of ids) await human.remove(id);
      for (const id of ids) await gone(human, id);
    },
  },
  {
    name: 'expiry-without-the-lambda',
    async play(human, world) {
      world.lambda.on = false;
      const id = await human.create({ ttl_minutes: 3 });
      await gone(human, id);
    },
  },
  {
    name: 'neighbours-in-the-same-account',
    async play(human, world) {
      await settleNeighbours(world);
      const id = await human.create();
      await ready(human, id);
      await human.wait(10 * MINUTE);
      await human.remove(id);
      await gone(human, id);
    },
  },
  {
    name: 'fuse-fires-while-all-is-down',
    world: { controllers: 1 },
    async play(human, world) {
      const id = await human.create({ ttl_minutes: 4 });
      await ready(human, id);
      world.restarts = false;
      world.killController(0);
      world.lambda.on = false;
      await human.extend(id, 60);
      await human.wait(25 * MINUTE);
      world.restarts = true;
      world.lambda.on = true;
      world.startController(0);
      await human.wait(MINUTE);
      await ready(human, id);
      await human.remove(id);
      await gone(human, id);
    },
  },
  {
    name: 'recreate-under-the-same-name',
    async play(human) {
      const first = await human.create({ name: 'shop' });
      await ready(human, first);
      await human.remove(first);
      const second = await human.create({ name: 'shop' });
      await ready(human, second);
      await human.remove(second);
      await gone(human, second);
    },
  },
  {
    name: 'capacity-full-then-freed',
    world: { albs: [1] },
    async play(human) {
      const first = await human.create();
      await ready(human, first);
      const second = await human.create();
      const third = await human.create({ ttl_minutes: 10 });
      await human.wait(MINUTE);
      await human.remove(first);
      await ready(human, second);
      await human.remove(second);
      await gone(human, third);
    },
  },
  {
    name: 'edits-by-hand',
    async play(human, world) {
      const id = await human.create();
      await ready(human, id);
      const { ecs, elbv2, scheduler } = world.cloud;
      const service = `tempus-${id}`;
      const { config } = world;
      await human.inAws(id, () => ecs.updateService({ cluster: config.cluster, service, desiredCount: 0 }));
      await human.wait(MINUTE);
      await human.inAws(id, () => ecs.deleteService({ cluster: config.cluster, service, force: true }));
      await human.wait(MINUTE);
      const rule = world.cloud.state.elbv2.rules.find(({ priority }) => priority === 1);
      await human.inAws(id, () => elbv2.deleteRule({ RuleArn: rule?.arn }));
      await human.inAws(id, () =>
        scheduler.deleteSchedule({ Name: service, GroupName: config.schedule_group }),
      );
      await human.edit(id, { 'spec.port': 0 });
      await human.until(() => human.phase(id) === 'Degraded', PATIENCE_MS);
      await human.edit(id, { 'spec.port': 3000 });
      await human.wait(6 * MINUTE);
      await ready(human, id);
      await human.edit(id, { phase: 'Deleting' });
      await gone(human, id);
    },
  },
  {
    name: 'stale-form-over-a-teardown',
    async play(human) {
      // Longer than anybody waits: what came back must not go by itself.
      const id = await human.create({ ttl_minutes: 600 });
      await ready(human, id);
      const form = human.open(id);
      await human.remove(id);
      // Once the teardown has begun: before that the form is an edit like any other.
      await human.until(() => human.says(id) === 'Requested', 2 * MINUTE);
      await human.wait(3_000);
      await human.save(form);
      await human.wait(MINUTE);
      await human.save(form);
      await gone(human, id);
      await human.save(form);
      await human.wait(MINUTE);
      await gone(human, id);
    },
  },
  {
    name: 'names-and-places-taken-by-others',
    async play(human, world) {
      const theirs = await human.create();
      const free = await squat(world, theirs, 'another-install');
      const leftover = await human.create();
      await squat(world, leftover, world.config.install);
      if (free) await human.until(() => human.says(theirs) === 'NameConflict', PATIENCE_MS);
      await human.wait(MINUTE);
      await free?.();
      await ready(human, theirs);
      await ready(human, leftover);
      await human.remove(theirs);
      await human.remove(leftover);
      await gone(human, theirs);
      await gone(human, leftover);
    },
  },
  {
    name: 'record-erased-by-hand',
    async play(human) {
      const id = await human.create();
      await ready(human, id);
      const retried = human.retry(id);
      // Between the API's read of the record and its write.
      await human.wait(50);
      human.erase(id);
      await retried;
      await human.wait(MINUTE);
    },
  },
  {
    name: 'events-of-what-is-no-more',
    once: true,
    world: { observe: ALL_HEARD },
    async play(human, world) {
      const id = await human.create();
      await ready(human, id);
      human.erase(id);
      const heard = world.events.invoked;
      // The sweep stops the task, and ECS tells of it.
      await human.until(() => world.events.invoked > heard, PATIENCE_MS);
      await human.wait(MINUTE);
    },
  },
  {
    name: 'events-ask-for-nothing',
    once: true,
    world: { observe: { lost: 0, doubled: 0.5, late: 0.5 } },
    async play(human, world) {
      const id = await human.create({ image: IMAGES.crashing });
      await human.until(() => human.phase(id) === 'Failed', PATIENCE_MS);
      await human.wait(10 * MINUTE);
      const heard = world.events.invoked;
      await human.wait(10 * MINUTE);
      if (world.events.invoked > heard) world.safety.violate('L5', 'what was rejected is tried again');
      await human.edit(id, { 'spec.image': IMAGES.good });
      await ready(human, id);
      await human.remove(id);
      await gone(human, id);
    },
  },
  {
    name: 'events-that-all-get-lost',
    once: true,
    world: { observe: { lost: 1, doubled: 0, late: 0 } },
    async play(human) {
      const id = await human.create();
      await ready(human, id);
      await human.edit(id, { 'spec.image': IMAGES.crashing });
      await human.until(() => human.says(id) === 'RolledBack', PATIENCE_MS);
      await human.edit(id, { 'spec.image': IMAGES.better });
      await ready(human, id);
      await human.remove(id);
      await gone(human, id);
    },
  },
  {
    name: 'one-bad-preview-among-good-ones',
    async play(human, world) {
      const bad = await human.create();
      await human.edit(bad, { spec: 'poison', status: 'poison', ttl_hours: 'poison' });
      const good = [await human.create(), await human.create(), await human.create()];
      const began = world.time.ms;
      for (const id of good) await ready(human, id);
      const calm = world.calls.fired.length === 0;
      if (calm && world.time.ms - began > MINUTE)
        world.safety.violate('L6', 'a bad preview delayed good ones');
      for (const id of [bad, ...good]) await human.remove(id);
      for (const id of [bad, ...good]) await gone(human, id);
    },
  },
];

/**
 * Puts a target group under a preview's own name, as another owner; answers how to take it away again, or undefined
 * where the preview was faster.
 */
async function squat(
  world: World,
  id: string,
  install: string,
): Promise<(() => Promise<unknown>) | undefined> {
  const { elbv2 } = world.cloud;
  if (world.cloud.state.elbv2.targetGroups.some(({ name }) => name === `tempus-${id}`)) return undefined;
  const { TargetGroups } = await elbv2.createTargetGroup({
    Name: `tempus-${id}`,
    Protocol: 'HTTP',
    Port: 80,
    VpcId: world.config.vpc_id,
    TargetType: 'ip',
    Tags: [
      { Key: 'tempus:install', Value: install },
      { Key: 'tempus:uid', Value: `${id}-0bad-4000-8000-000000000000` },
      { Key: 'tempus:preview', Value: id },
    ],
  });
  world.safety.known.set(`${id}-0bad-4000-8000-000000000000`, id);
  return () => elbv2.deleteTargetGroup({ TargetGroupArn: TargetGroups?.[0]?.TargetGroupArn });
}

export function scenarioOf(name: string): Scenario {
  const found = SCENARIOS.find((scenario) => scenario.name === name);
  if (found) return found;
  const names = SCENARIOS.map((scenario) => scenario.name).join(', ');
  throw new Error(`there is no scenario ${name}; there are ${names}`);
}
