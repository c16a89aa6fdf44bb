import { setTimeout as delay } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import { systemRandom } from '../../platform/random.ts';
import { print } from '../../platform/terminal.ts';
import { Laptop } from '../e2e/laptop-process.ts';
import { SeededRandom } from '../sim/random.ts';
import { Load } from './load.ts';
import { converged, nothingLeft } from './verdict.ts';

interface Options {
  kills: number;
  seed?: string;
  json?: boolean;
  keep?: boolean;
}

/** Between a restart and the next kill everything may be under way; at the end it has to come to rest within this. */
const CONVERGES_MS = 90_000;
const MOST_MS = 1_500;

const whole = (text: string) => {
  const n = Number(text);
  if (!Number.isInteger(n) || n < 1) throw new InvalidArgumentError('must be a whole number from 1');
  return n;
};

const options = new Command('chaos')
  .description(
    'Kills a real laptop mode again and again under load, and demands that nothing is lost or left over.',
  )
  .option('--kills <n>', 'how often it is killed', whole, 20)
  .option('--seed <text>', 'repeats a run, as far as real processes allow; random without')
  .option('--json', 'print the result as JSON')
  .option('--keep', 'keep the state folder')
  .parse()
  .opts<Options>();

async function main(): Promise<number> {
  const seed = options.seed ?? `0x${Math.floor(systemRandom.next() * 2 ** 32).toString(16)}`;
  const say = (text: string) => {
    if (!options.json) print(text);
  };
  say(`seed ${seed}`);
  const random = new SeededRandom(seed);
  const laptop = await Laptop.prepare();
  const stop = () => void laptop.end('SIGKILL').finally(() => process.exit(130));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const load = new Load(laptop, random.split('load'));
  const began = performance.now();
  let failure: string | undefined;
  let settled = 0;
  try {
    await laptop.start();
    for (let kill = 1; kill <= options.kills; kill += 1) {
      const at = random.int(0, MOST_MS);
      const burst = load.burst();
      await delay(at);
      await laptop.end('SIGKILL');
      const tried = await burst;
      // Some die again while they start up.
      if (random.chance(0.2)) {
        laptop.spawn();
        await delay(random.int(50, 900));
        await laptop.end('SIGKILL');
      }
      await laptop.start();
      await load.insist();
      say(`kill ${kill} after ${at} ms: ${tried.join(', ')}`);
    }
    const restarted = performance.now();
    await converged(laptop, load.wished, CONVERGES_MS);
    settled = performance.now() - restarted;
    await nothingLeft(laptop, load.wished, CONVERGES_MS);
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error);
  }
  const result = {
    seed,
    kills: options.kills,
    ...load.deeds,
    converged_ms: Math.round(settled),
    seconds: Math.round((performance.now() - began) / 100) / 10,
    violation: failure ?? null,
  };
  if (failure !== undefined || options.keep) {
    await laptop.end('SIGKILL');
    say(`the state is kept in ${laptop.home}`);
  } else await laptop.dispose();
  if (options.json) print(JSON.stringify(result));
  else
    print(
      failure === undefined
        ? `nothing lost, nothing left over: ${JSON.stringify(result)}`
        : `FAILED: ${failure}`,
    );
  return failure === undefined ? 0 : 1;
}

process.exitCode = await main();
