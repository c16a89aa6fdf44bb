import { desiredOf, tellingImage } from './desired.ts';
import { IMAGES } from './tasks.ts';
import type { Human } from './human.ts';
import { unsettled } from './liveness.ts';
import { converge } from './trial.ts';
import type { World } from './world.ts';

const HOUR = 3_600_000;
const MINUTE = 60_000;
const LONG_MINUTES = 600;

/**
 * An hour in which nothing happens and nothing is asked: nothing may be written, and nothing in AWS changed, although
 * previews are alive that failed, fell back, wait for a slot, or hold an edit that was refused. Then everything is
 * deleted, and nothing at all may be left.
 */
export async function quietHour(world: World, human: Human): Promise<void> {
  const { safety } = world;
  let told = false;
  unhappy(world, human).then(
    () => (told = true),
    (error: unknown) =>
      safety.violate('S0', 'the quiet hour did not begin', { error: String((error as Error).stack) }),
  );
  await world.run(HOUR, () => told);
  await converge(world);
  const before = new Map(world.calls.counts);
  const writes = safety.writes;
  await world.run(HOUR);
  const changes = [...world.calls.counts]
    .map(([name, n]) => [name, n - (before.get(name) ?? 0)] as const)
    .filter(([name, n]) => n > 0 && CHANGES.test(name));
  if (safety.writes !== writes || changes.length > 0) {
    safety.violate('L5', 'a quiet install was written to', { writes: safety.writes - writes, changes });
  }
  const broken = unsettled(world);
  if (broken.length > 0) safety.violate('L5', 'a quiet install did not stay as it was', { broken });
  if (safety.violations.length > 0) return;
  await theEnd(world, human);
}

const CHANGES = /\/((ecs|elbv2|scheduler)\.(?!describe|list|get)|previews\.(put|update))/;

/** Makes sure that one of each is alive, and that none ends within the hour. */
async function unhappy(world: World, human: Human): Promise<void> {
  const horizon = world.now.getTime() + 3 * HOUR;
  for (const id of human.previews) {
    const row = human.row(id);
    if (!row?.live) continue;
    const { spec, ends } = desiredOf(row, world.config.max_ttl_hours);
    // What time may cure is tried again every five minutes, and that is no silence.
    const retried = spec !== undefined && tellingImage(spec) === IMAGES.missing;
    if (retried || ends < horizon) await human.remove(id);
  }
  await human.until(
    () => free(world) >= 0 && human.previews.every((id) => human.phase(id) !== 'Deleting'),
    20 * MINUTE,
  );
  const long = { ttl_minutes: LONG_MINUTES };
  const room = Math.max(0, 3 - free(world));
  for (const id of human.previews.filter((one) => human.row(one)?.live).slice(0, room))
    await human.remove(id);
  await human.until(
    () => free(world) >= 3 || human.previews.every((id) => !human.row(id)?.live),
    20 * MINUTE,
  );
  const failing = await human.create({ ...long, image: IMAGES.crashing });
  const back = await human.create(long);
  const refused = await human.create(long);
  await human.until(() => human.phase(back) === 'Ready' && human.phase(refused) === 'Ready', 10 * MINUTE);
  await human.edit(back, { 'spec.image': IMAGES.crashing });
  await human.edit(refused, { 'spec.port': 'eighty' });
  for (let n = free(world); n >= 0; n -= 1) await human.create(long);
  await human.until(() => human.phase(failing) === 'Failed', 10 * MINUTE);
  await human.until(() => human.says(back) === 'RolledBack', 10 * MINUTE);
  await human.until(() => human.says(refused) === 'SpecNotAccepted', 10 * MINUTE);
  await human.wait(MINUTE);
}

/** Slots that nobody holds, on all load balancers. */
function free(world: World): number {
  const held = world.database
    .items('tempus-coordination')
    .reduce((sum, item) => sum + Object.keys((item['owners'] as object | undefined) ?? {}).length, 0);
  return world.config.albs.reduce((sum, { slots }) => sum + slots, 0) - held;
}

async function theEnd(world: World, human: Human): Promise<void> {
  const all = human.previews.map((id) => human.remove(id));
  let told = false;
  void Promise.all(all).then(() => (told = true));
  await world.run(HOUR, () => told);
  await converge(world);
  const held = world.config.albs.reduce((sum, { slots }) => sum + slots, 0) - free(world);
  if (world.safety.violations.length === 0 && held > 0) {
    world.safety.violate('L1', 'slots are held by nobody', { held });
  }
}
