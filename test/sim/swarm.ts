import type { EventFaults } from './events.ts';
import { MODES, type FaultRates, type Mode } from './faults.ts';
import { SeededRandom } from './random.ts';
import type { WorldOptions } from './world.ts';
import { drawSeveral, drawSteps, type Step } from './steps.ts';

/** Something that happens to the install as a whole, at a moment. */
export type Ambient =
  | { at: number; do: 'kill' | 'terminate'; controller: number }
  | { at: number; do: 'kill_api' | 'roll_shards' | 'split_shards' | 'trim_stream' | 'switch_stream' }
  | { at: number; do: 'lose_lambda' | 'double_lambda' | 'mend_lambda' }
  | { at: number; do: 'skew'; controller: number; ms: number }
  | { at: number; do: 'pause'; controller: number; ms: number };

/** What one seed means: a world, what people do in it, and what goes wrong. */
export interface Draw {
  seed: string;
  world: Omit<WorldOptions, 'seed' | 'faults'>;
  rates: FaultRates;
  steps: Step[];
  ambient: Ambient[];
  /** How long faults happen. */
  faulty_ms: number;
  /** What stays alive when the rest of the faults end. */
  core: { controllers: number; stream: boolean; lambda: boolean; events: boolean };
  skew_ms: number;
}

const MINUTE = 60_000;

/** Draws everything that a seed decides before anything runs, each concern from a chance of its own. */
export function draw(seed: string): Draw {
  const random = new SeededRandom(seed);
  const size = random.split('size');
  const controllers = size.pick([1, 1, 1, 2, 2, 3]);
  const previews = size.chance(0.006) ? size.int(10, 50) : size.int(1, 5);
  const faulty_ms = size.int(10, 40) * MINUTE;
  const world = drawWorld(random.split('world'), previews, controllers);
  const rates = drawRates(random.split('rates'));
  const core = random.split('core');
  const skewed = random.split('skew');
  const several = random.split('several');
  const heard = random.split('observe');
  // Not of dozens of previews: a load balancer has a hundred target groups.
  const edits = previews <= 5 && several.chance(0.3) ? drawSeveral(several, previews, faulty_ms) : [];
  // Room for all of them: whoever waits in front of the line for many slots holds up the quiet hour.
  const albs = edits.length === 0 ? world.albs : world.albs.map((slots) => slots + 4 * previews);
  return {
    seed,
    world: { ...world, albs, staleReads: rates.share.stale > 0, observe: drawEvents(heard) },
    rates,
    // Behind the others: the numbers by which a shrunk plan keeps steps stay theirs.
    steps: [...drawSteps(random.split('steps'), previews, faulty_ms), ...edits],
    ambient: drawAmbient(random.split('ambient'), controllers, faulty_ms),
    faulty_ms,
    core: {
      controllers: core.chance(0.5) ? 1 : controllers,
      stream: core.chance(0.7),
      lambda: core.chance(0.7),
      events: heard.chance(0.7),
    },
    skew_ms: skewed.chance(0.2) ? skewed.int(1, 60) * 1_000 : 0,
  };
}

function drawWorld(random: SeededRandom, previews: number, controllers: number): Draw['world'] {
  const slow = random.chance(0.2);
  const albs = random.chance(0.3)
    ? [Math.max(1, Math.ceil(previews / 2)), random.int(1, 3)]
    : random.chance(0.3)
      ? [random.int(1, 3)]
      : [previews + 4];
  const paths = random.chance(0.3);
  return {
    controllers,
    albs: albs.flatMap((slots) => withinRules(slots, paths)),
    paths,
    staleReads: false,
    latency_ms: slow ? [50, 2_000] : [5, random.int(10, 200)],
    restart_ms: random.chance(0.2) ? [60_000, 300_000] : [1_000, 20_000],
    // A lease of 10 s does not bear answers that take 4 s each time; that is no fault of anybody.
    pace: random.chance(0.2) && !slow ? 'aws' : 'seldom',
    page_size: random.pick([2, 100]),
    shuffle: random.chance(0.8),
    shard_life_ms: random.pick([2, 10, 240]) * MINUTE,
  };
}

/** Slots on as many load balancers as they take: one has a hundred rules, two for a slot where previews have a path too. */
function withinRules(slots: number, paths: boolean): number[] {
  const most = paths ? 49 : 99;
  return slots > most ? [most, slots - most] : [slots];
}

/** Some classes of faults are off in each seed: a fault that always hides another one is never alone otherwise. */
function drawRates(random: SeededRandom): FaultRates {
  const scale = random.pick([0.002, 0.01, 0.03, 0.08]);
  const share = Object.fromEntries(
    MODES.map((mode) => [mode, random.chance(0.45) ? 0 : random.next() * scale * (WEIGHTS[mode] ?? 1)]),
  ) as Record<Mode, number>;
  return {
    share,
    late_ms: random.pick([20_000, 2 * MINUTE, 15 * MINUTE]),
    stall_ms: random.pick([20_000, 3 * MINUTE, 15 * MINUTE]),
    // Below the controller's absence grace of 30 s: longer than that, no two sightings would prove anything.
    stale_ms: 20_000,
  };
}

/** Half of all installs hear ECS; not always well. */
function drawEvents(random: SeededRandom): EventFaults | undefined {
  if (random.chance(0.5)) return undefined;
  const share = (most: number) => (random.chance(0.4) ? 0 : random.next() * most);
  return { lost: share(1), doubled: share(0.5), late: share(0.5) };
}

/** A crash or a stop stands for many calls; a stale read only for itself. */
const WEIGHTS: Partial<Record<Mode, number>> = { crash_before: 0.3, crash_after: 0.3, stall: 0.1, stale: 2 };

function drawAmbient(random: SeededRandom, controllers: number, faulty_ms: number): Ambient[] {
  const some = (most: number) => (random.chance(0.5) ? 0 : random.int(1, most));
  const at = () => random.int(0, faulty_ms);
  const list: Ambient[] = [];
  const times = (n: number, make: () => Ambient) => {
    for (let k = 0; k < n; k += 1) list.push(make());
  };
  const controller = () => random.int(0, controllers - 1);
  times(some(6), () => ({ at: at(), do: 'kill', controller: controller() }));
  times(some(2), () => ({ at: at(), do: 'terminate', controller: controller() }));
  times(some(3), () => ({ at: at(), do: 'pause', controller: controller(), ms: random.int(1, 900) * 1_000 }));
  times(some(2), () => ({ at: at(), do: 'skew', controller: controller(), ms: random.int(-60, 60) * 1_000 }));
  const plain = [
    'kill_api',
    'roll_shards',
    'split_shards',
    'trim_stream',
    'switch_stream',
    'lose_lambda',
    'double_lambda',
    'mend_lambda',
  ] as const;
  for (const what of plain) times(some(2), () => ({ at: at(), do: what }));
  return list.toSorted((a, b) => a.at - b.at);
}
