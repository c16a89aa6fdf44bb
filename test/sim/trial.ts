import type { Fired } from './calls.ts';
import { type CallId, type FaultSource, noFaults } from './faults.ts';
import { Human } from './human.ts';
import { unsettled } from './liveness.ts';
import type { Violation } from './safety.ts';
import type { Scenario } from './scenarios.ts';
import { World, type WorldOptions } from './world.ts';

const MINUTE = 60_000;
/** Everything has to be as desired this long after the last fault and the last wish: the sweep's bound and some. */
const CONVERGES_MS = 20 * MINUTE;
/** What has converged has to stay so. */
const STAYS_MS = 90_000;
const LOOK_MS = 5_000;
/** No story takes longer than this. */
const STORY_MS = 180 * MINUTE;

/** What became of one run. */
export interface Outcome {
  violation?: Violation;
  fired: Fired[];
  /** What has happened in it that some run has to show, for coverage. */
  marks: ReadonlySet<string>;
  /** What was asked, in order, where it was recorded. */
  asked: CallId[];
  counts: ReadonlyMap<string, number>;
  trace: number;
  /** Virtual milliseconds. */
  took_ms: number;
  events: number;
}

export const USUAL: Omit<WorldOptions, 'seed' | 'faults'> = {
  controllers: 1,
  albs: [10],
  paths: false,
  staleReads: false,
  latency_ms: [20, 20],
  restart_ms: [5_000, 5_000],
  pace: 'seldom',
  page_size: 1,
  shuffle: false,
  shard_life_ms: 4 * 60 * MINUTE,
};

export interface TrialOptions {
  faults?: FaultSource;
  staleReads?: boolean;
  record?: boolean;
}

/** Tells one scenario under the given faults, and judges it. */
export async function tryScenario(scenario: Scenario, options: TrialOptions = {}): Promise<Outcome> {
  const world = await World.create({
    ...USUAL,
    ...scenario.world,
    seed: scenario.name,
    faults: options.faults ?? noFaults,
    staleReads: options.staleReads ?? false,
  });
  if (options.record) world.calls.asked = [];
  const human = new Human(world);
  let told = false;
  scenario.play(human, world).then(
    () => (told = true),
    (error: unknown) =>
      world.safety.violate('S0', 'the story broke off', { error: String((error as Error).stack) }),
  );
  await world.run(STORY_MS, () => told);
  if (!told && world.safety.violations.length === 0) world.safety.violate('L4', 'the story did not end');
  await converge(world);
  return outcomeOf(world);
}

/** Runs until everything is as desired and stays so; a violation otherwise. */
export async function converge(world: World): Promise<void> {
  const { safety, time, calls } = world;
  // What a fault has begun before it ended is not over yet: effects that are late, processes that are stopped.
  const last = () =>
    Math.max(
      0,
      ...calls.fired.map(({ at, ms = 0 }) => at + ms + 10_000),
      ...world.controllers.flatMap((running) => {
        const resumesIn = running?.process.resumesIn ?? 0;
        return resumesIn > 0 ? [time.ms + resumesIn] : [];
      }),
    );
  let quiet = time.ms;
  while (safety.violations.length === 0) {
    // A process that goes on again has the time from then on, and no longer says that it was stopped.
    quiet = Math.max(quiet, last());
    if (time.ms >= last() && unsettled(world).length === 0) {
      await world.run(STAYS_MS);
      const broken = unsettled(world);
      if (broken.length === 0) return;
    }
    // A fault that is planned may fire only now: time counts from the last one.
    if (time.ms > quiet + CONVERGES_MS) {
      safety.violate('L4', 'the install has not converged', { unsettled: unsettled(world).slice(0, 8) });
      return;
    }
    await world.run(LOOK_MS);
  }
}

/** What became of a world, which ends here. */
export function outcomeOf(world: World): Outcome {
  const { safety, calls, time } = world;
  const [violation] = safety.violations;
  const outcome = {
    ...(violation ? { violation } : {}),
    fired: calls.fired,
    marks: safety.marks,
    asked: calls.asked ?? [],
    counts: calls.counts,
    trace: calls.trace,
    took_ms: time.ms,
    events: time.events,
  };
  world.dispose();
  return outcome;
}
