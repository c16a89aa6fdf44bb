import { availableParallelism } from 'node:os';
import { print } from '../../platform/terminal.ts';
import { MUTANTS, SEED_BUDGET, type Suspect } from './mutants.ts';
import { checkMutant } from './mutate.ts';
import { type Plan, printPlan } from './plan.ts';
import { Runner } from './pool.ts';
import { SCENARIOS } from './scenarios.ts';

interface Verdict {
  name: string;
  killed: boolean;
  /** How many runs it took. */
  runs: number;
  by?: string;
}

/** Every mutant against the runs that have to notice it. Answers the exit code: 0 when all of them were killed. */
export async function hunt(json: boolean): Promise<number> {
  for (const mutant of MUTANTS) checkMutant(mutant);
  const verdicts: Verdict[] = [];
  const waiting = [...MUTANTS];
  const work = async () => {
    for (let suspect = waiting.shift(); suspect; suspect = waiting.shift()) {
      const verdict = await kill(suspect);
      verdicts.push(verdict);
      if (!json) print(line(verdict));
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  const alive = verdicts.filter(({ killed }) => !killed);
  if (json) print(JSON.stringify({ mutants: verdicts.length, alive: alive.length, verdicts }));
  else print(`${verdicts.length - alive.length} of ${verdicts.length} mutants killed`);
  return alive.length === 0 ? 0 : 1;
}

async function kill(suspect: Suspect): Promise<Verdict> {
  const runner = new Runner(suspect);
  try {
    const tally = await runner.run({ plans: plansFor(suspect), until_failure: true });
    const [failure] = tally.failures;
    // What fails without the defect, too, has noticed nothing of it.
    const noticed = failure !== undefined && (await passes(failure.plan));
    return {
      name: suspect.name,
      killed: noticed,
      runs: tally.runs,
      ...(failure
        ? { by: `${failure.violation.invariant} in ${printPlan(failure.plan).slice(0, 200)}` }
        : {}),
    };
  } finally {
    await runner.end();
  }
}

/** Whether the product as it is keeps its promises in this run. */
async function passes(plan: Plan): Promise<boolean> {
  const runner = new Runner();
  try {
    return (await runner.run({ plans: [plan] })).failures.length === 0;
  } finally {
    await runner.end();
  }
}

/** First what is made for it, then every scenario without a fault, then seeds that are the same for all. */
function plansFor({ plans = [] }: Suspect): Plan[] {
  return [
    ...plans,
    ...SCENARIOS.map(({ name }) => ({ scenario: name, faults: [] })),
    ...Array.from({ length: SEED_BUDGET }, (_, n) => ({ seed: `0x${(n + 1).toString(16)}` })),
  ];
}

function line({ name, killed, runs, by }: Verdict): string {
  return killed ? `killed after ${runs} runs: ${name} (${by})` : `ALIVE after ${runs} runs: ${name}`;
}
