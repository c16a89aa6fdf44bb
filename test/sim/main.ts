import { Command, InvalidArgumentError } from 'commander';
import { print, printError } from '../../platform/terminal.ts';
import { systemRandom } from '../../platform/random.ts';
import { corpus } from './corpus.ts';
import { pairs, singles } from './exhaustive.ts';
import { hunt } from './hunt.ts';
import { type Plan, parsePlan } from './plan.ts';
import { runAll } from './pool.ts';
import { report } from './report.ts';
import { runPlan } from './run.ts';
import { SCENARIOS, scenarioOf } from './scenarios.ts';
import { count, emptyTally, type Tally } from './tally.ts';
import { tryScenario } from './trial.ts';

interface Options {
  seeds?: number;
  seed?: bigint;
  replay?: string;
  scenario?: string;
  exhaustive?: boolean;
  pairs?: boolean;
  mutants?: boolean;
  corpus?: boolean;
  json?: boolean;
}

/** One seed of a hundred is run twice: the same seed has to give the same run. */
const TWICE = 100;
const DEFAULT_SEEDS = 200;

const whole = (text: string) => {
  const n = Number(text);
  if (!Number.isInteger(n) || n < 1) throw new InvalidArgumentError('must be a whole number from 1');
  return n;
};
const seedOf = (text: string) => {
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(text))
    throw new InvalidArgumentError('must be a number, for example 0x1f');
  return BigInt(text);
};

const options = new Command('sim')
  .description('Runs Tempus on a simulated AWS under faults, and looks for broken promises.')
  .option('--seeds <n>', 'run so many random installs', whole)
  .option('--seed <n>', 'the first of them; random without', seedOf)
  .option('--replay <plan>', 'run one plan, as a failure printed it')
  .option('--scenario <name>', `only this one of ${SCENARIOS.map(({ name }) => name).join(', ')}`)
  .option('--exhaustive', 'every call of each scenario with every fault; and all pairs on the shortest life')
  .option('--no-pairs', 'leave out the pairs')
  .option('--mutants', 'break the product on purpose, and demand that it is noticed')
  .option('--corpus', 'every failure that was ever fixed')
  .option('--json', 'print the result as JSON')
  .parse()
  .opts<Options>();

function drawSeed(): bigint {
  return BigInt(Math.floor(systemRandom.next() * 2 ** 48));
}

function seedPlans(n: number, first: bigint): Plan[] {
  return Array.from({ length: n }, (_, k) => ({ seed: `0x${(first + BigInt(k)).toString(16)}` }));
}

async function exhaustivePlans(names: readonly string[]): Promise<Plan[]> {
  const plans: Plan[] = [];
  for (const name of names) {
    const scenario = scenarioOf(name);
    if (scenario.once) continue;
    const { asked } = await tryScenario(scenario, { record: true, staleReads: true });
    plans.push({ scenario: name, faults: [] }, ...singles(scenario, asked));
    if (name === 'shortest-life' && options.pairs) plans.push(...pairs(scenario, asked));
  }
  return plans;
}

async function choosePlans(): Promise<Plan[]> {
  if (options.replay !== undefined) return [parsePlan(options.replay)];
  const known = corpus();
  if (options.corpus) return known;
  const names = options.scenario === undefined ? SCENARIOS.map(({ name }) => name) : [options.scenario];
  if (options.exhaustive) return [...known, ...(await exhaustivePlans(names))];
  if (options.scenario !== undefined) return [{ scenario: scenarioOf(options.scenario).name, faults: [] }];
  const first = options.seed ?? drawSeed();
  const n = options.seeds ?? (options.seed === undefined ? DEFAULT_SEEDS : 1);
  if (!options.json) print(`seeds from 0x${first.toString(16)}`);
  return [...known, ...seedPlans(n, first)];
}

/** The same plan again has to leave the same trace. */
async function sameAgain(plans: readonly Plan[]): Promise<string[]> {
  const broken: string[] = [];
  for (const plan of plans.filter((one, n) => 'seed' in one && n % TWICE === 0)) {
    const [first, second] = [await runPlan(plan), await runPlan(plan)];
    if (first.trace !== second.trace) broken.push(`the plan ${JSON.stringify(plan)} did not run twice alike`);
  }
  return broken;
}

async function runPlans(plans: readonly Plan[]): Promise<Tally> {
  const [only] = plans;
  if (only && plans.length === 1) {
    const tally = emptyTally();
    count(tally, only, await runPlan(only));
    return tally;
  }
  let shown = 0;
  return runAll(plans, {
    onProgress: (tally, left) => {
      if (options.json || performance.now() - shown < 10_000) return;
      shown = performance.now();
      printError(`${tally.runs} runs, ${tally.failures.length} violations, ${left} to go`);
    },
  });
}

async function main(): Promise<number> {
  if (options.mutants) return hunt(options.json ?? false);
  const plans = await choosePlans();
  const began = performance.now();
  const tally = await runPlans(plans);
  const seconds = (performance.now() - began) / 1000;
  const unlike = await sameAgain(plans);
  return report({
    tally,
    unlike,
    seconds,
    plans: plans.length,
    json: options.json ?? false,
    replay: options.replay !== undefined,
  });
}

process.exitCode = await main();
