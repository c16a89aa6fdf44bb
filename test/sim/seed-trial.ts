import { type FaultSource, noFaults, plannedFaults, randomFaults } from './faults.ts';
import { ALL_HEARD } from './events.ts';
import { Human } from './human.ts';
import { mapOf, type Plan } from './plan.ts';
import { quietHour } from './quiet-hour.ts';
import { follow } from './steps.ts';
import { type Ambient, type Draw, draw } from './swarm.ts';
import { settleNeighbours } from './neighbours.ts';
import { converge, type Outcome, outcomeOf } from './trial.ts';
import { World } from './world.ts';

const MINUTE = 60_000;
/** Steps that wait for an answer of the API get it by then. */
const STEPS_END_MS = 60 * MINUTE;

/** Lives through everything that a seed draws: faults, healing of a minimal core, a quiet hour, and the end of all. */
export async function trySeed(plan: Extract<Plan, { seed: string }>): Promise<Outcome> {
  const drawn = draw(plan.seed);
  const steps = kept(drawn.steps, plan.steps);
  const observe = plan.observe === false ? undefined : drawn.world.observe;
  const world = await World.create({
    ...drawn.world,
    observe,
    seed: plan.seed,
    faults: faultsOf(drawn, plan),
  });
  await settleNeighbours(world);
  world.safety.skewMs = drawn.skew_ms + 60_000;
  const skews = world.random.split('skews');
  world.skewMs = () => (drawn.skew_ms === 0 ? 0 : skews.int(-drawn.skew_ms, drawn.skew_ms));
  for (const ambient of kept(drawn.ambient, plan.ambient)) {
    world.time.schedule(ambient.at, () => befall(ambient, world));
  }
  const human = new Human(world);
  let done = false;
  follow(steps, human, world).then(
    () => (done = true),
    (error: unknown) =>
      world.safety.violate('S0', 'the steps broke off', { error: String((error as Error).stack) }),
  );
  await world.run(drawn.faulty_ms);
  heal(drawn, world);
  await world.run(STEPS_END_MS, () => done);
  await converge(world);
  if (world.safety.violations.length === 0) await quietHour(world, human);
  return outcomeOf(world);
}

function kept<T>(all: readonly T[], numbers: readonly number[] | undefined): T[] {
  return numbers === undefined ? [...all] : all.filter((_, n) => numbers.includes(n));
}

function faultsOf({ seed, rates }: Draw, { faults }: Extract<Plan, { seed: string }>): FaultSource {
  return faults === undefined ? randomFaults(seed, rates) : plannedFaults(mapOf(faults));
}

function befall(ambient: Ambient, world: World): void {
  const { database } = world;
  switch (ambient.do) {
    case 'kill':
      return world.killController(ambient.controller);
    case 'terminate':
      return world.restartController(ambient.controller);
    case 'pause':
      world.controllers[ambient.controller]?.process.pause(ambient.ms);
      return;
    case 'skew':
      world.skewController(ambient.controller, ambient.ms);
      return;
    case 'kill_api':
      return world.killApi();
    case 'roll_shards':
      return database.rollShards(TABLE);
    case 'split_shards':
      return database.rollShards(TABLE, 2);
    case 'trim_stream':
      return database.trim(TABLE);
    case 'switch_stream':
      database.switchStream(TABLE, false);
      world.time.schedule(MINUTE, () => database.switchStream(TABLE, true));
      return;
    case 'lose_lambda':
      world.lambda.on = false;
      return;
    case 'double_lambda':
      world.lambda.doubled = true;
      return;
    case 'mend_lambda':
      world.lambda = { on: true, doubled: false };
  }
}

const TABLE = 'tempus-previews';

/** No more faults; and of what there is twice, or what only saves time, perhaps nothing is left. */
function heal({ core, world: { controllers } }: Draw, world: World): void {
  world.calls.faults = noFaults;
  world.skewMs = () => 0;
  world.lambda = { on: core.lambda, doubled: false };
  world.events.faults = ALL_HEARD;
  world.events.on = core.events;
  if (!core.stream) world.database.switchStream(TABLE, false);
  for (let n = 0; n < controllers; n += 1) {
    world.skewController(n, 0);
    if (n >= core.controllers) {
      world.retire(n);
    } else world.startController(n);
  }
}
