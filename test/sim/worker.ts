import { parentPort, workerData } from 'node:worker_threads';
import { type Mutant, mutate } from './mutate.ts';
import type { Plan } from './plan.ts';

/** What a worker is told: plans to run, in order; `until_failure` ends the batch at the first violation. */
export interface Batch {
  plans: Plan[];
  until_failure?: boolean;
}

const { mutant } = workerData as { mutant?: Mutant };
// Before the product is loaded: what is imported from here on is the mutated product.
if (mutant) mutate(mutant);
const { runPlan } = await import('./run.ts');
const { count, emptyTally } = await import('./tally.ts');

parentPort?.on('message', ({ plans, until_failure }: Batch) => {
  void (async () => {
    const tally = emptyTally();
    for (const plan of plans) {
      count(tally, plan, await runPlan(plan));
      if (until_failure && tally.failures.length > 0) break;
    }
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    parentPort?.postMessage(tally);
  })();
});
