import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Mutant } from './mutate.ts';
import type { Plan } from './plan.ts';
import { emptyTally, merge, type Tally } from './tally.ts';
import type { Batch } from './worker.ts';

const BATCH = 25;
/** Then a fresh thread: what a world that was killed has left waiting for ever stays in memory. */
const BATCHES_A_THREAD = 60;

/** One thread that runs plans, with the product as it is or with a defect in it. */
export class Runner {
  readonly #worker: Worker;

  constructor(mutant?: Mutant) {
    this.#worker = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData: mutant ? { mutant } : {},
    });
  }

  run(batch: Batch): Promise<Tally> {
    return new Promise((resolve, reject) => {
      this.#worker.once('message', (tally: Tally) => {
        this.#worker.removeListener('error', reject);
        resolve(tally);
      });
      this.#worker.once('error', reject);
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      this.#worker.postMessage(batch);
    });
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}

export interface PoolOptions {
  onProgress?: (tally: Tally, left: number) => void;
  /** Stop once so many plans have failed. */
  enough?: number;
}

/** Runs all plans, on every core. */
export async function runAll(plans: readonly Plan[], options: PoolOptions = {}): Promise<Tally> {
  const { enough = 10 } = options;
  const total = emptyTally();
  let next = 0;
  const work = async () => {
    let runner = new Runner();
    try {
      for (let batches = 1; next < plans.length && total.failures.length < enough; batches += 1) {
        const batch = plans.slice(next, next + BATCH);
        next += batch.length;
        merge(total, await runner.run({ plans: batch }));
        options.onProgress?.(total, plans.length - next);
        if (batches % BATCHES_A_THREAD > 0) continue;
        await runner.end();
        runner = new Runner();
      }
    } finally {
      await runner.end();
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return total;
}
