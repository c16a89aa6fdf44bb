import { toSeconds } from '../../platform/clock.ts';
import type { Human } from './human.ts';
import { IMAGES } from './tasks.ts';
import type { World, WorldOptions } from './world.ts';

/** A story of one install, to be told again under every fault. */
export interface Scenario {
  name: string;
  /** What differs from the usual world. */
  world?: Partial<WorldOptions>;
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
      await human.edit(id, { 'spec.image': IMAGES.better });
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
      const id = await human.create();
      await ready(human, id);
      const form = human.open(id);
      await human.remove(id);
      await human.until(() => human.phase(id) === 'Deleting', MINUTE);
      await human.wait(10_000);
      await human.save(form);
      await human.wait(MINUTE);
      await human.save(form);
      await gone(human, id);
      await human.save(form);
      await human.wait(MINUTE);
      await gone(human, id);
    },
  },
];

export function scenarioOf(name: string): Scenario {
  const found = SCENARIOS.find((scenario) => scenario.name === name);
  if (found) return found;
  const names = SCENARIOS.map((scenario) => scenario.name).join(', ');
  throw new Error(`there is no scenario ${name}; there are ${names}`);
}
