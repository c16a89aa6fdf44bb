import { plannedFaults } from './faults.ts';
import { mapOf, type Plan } from './plan.ts';
import { scenarioOf } from './scenarios.ts';
import { trySeed } from './seed-trial.ts';
import { type Outcome, tryScenario } from './trial.ts';

/** Runs what a plan says, once. */
export function runPlan(plan: Plan): Promise<Outcome> {
  if ('seed' in plan) return trySeed(plan);
  return tryScenario(scenarioOf(plan.scenario), {
    faults: plannedFaults(mapOf(plan.faults)),
    staleReads: plan.faults.some(([, mode]) => mode === 'stale'),
  });
}
