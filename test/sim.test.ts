import { describe, expect, test } from 'vitest';
import { corpus } from './sim/corpus.ts';
import { singles } from './sim/exhaustive.ts';
import { printPlan, type Plan } from './sim/plan.ts';
import { SeededRandom } from './sim/random.ts';
import { runPlan } from './sim/run.ts';
import { SCENARIOS } from './sim/scenarios.ts';
import { storm } from './sim/storm.ts';
import { tryScenario } from './sim/trial.ts';

/** Simulated installs under faults: a slice of what `npm run sim` does. */
const SINGLES = 12;
const SEEDS = 12;

async function holds(plan: Plan): Promise<void> {
  const { violation } = await runPlan(plan);
  expect(violation, `npm run sim -- --replay '${printPlan(plan)}'`).toBeUndefined();
}

describe('under simulation', () => {
  test.each(SCENARIOS.map(({ name }) => name))('%s converges without a fault', async (name) => {
    await holds({ scenario: name, faults: [] });
  });

  test('a fault at any call of any story breaks no promise: a sample', async () => {
    const chosen = new SeededRandom('singles');
    for (const scenario of SCENARIOS) {
      const { asked } = await tryScenario(scenario, { record: true, staleReads: true });
      const plans = singles(scenario, asked);
      for (let n = 0; n < SINGLES; n += 1) await holds(chosen.pick(plans));
    }
  });

  test('random installs under random faults break no promise: a sample', async () => {
    for (let n = 0; n < SEEDS; n += 1) await holds({ seed: `0x${(0x5000 + n).toString(16)}` });
  });

  test('a throttle storm of ten minutes costs at most half as many calls again', async () => {
    const { calm, stormy } = await storm();
    expect(calm).toBeGreaterThan(100);
    expect(stormy).toBeLessThanOrEqual(1.5 * calm);
  });

  test('whatever once broke a promise keeps it', async () => {
    for (const plan of corpus()) await holds(plan);
  });

  test('the same seed runs the same, to the last call', async () => {
    const [first, second] = [await runPlan({ seed: '0x77' }), await runPlan({ seed: '0x77' })];
    expect(second.trace).toBe(first.trace);
    expect(second.events).toBe(first.events);
    expect((await runPlan({ seed: '0x78' })).trace).not.toBe(first.trace);
  });
});
