import { execFileSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import { print } from '../../platform/terminal.ts';
import type { PreviewView } from '../../preview/view.ts';
import { Laptop, until } from '../e2e/laptop-process.ts';
import { inspect, NOTHING, processesWith } from '../e2e/world.ts';
import { Traffic } from './traffic.ts';

const whole = (text: string) => {
  const n = Number(text);
  if (!Number.isInteger(n) || n < 1) throw new InvalidArgumentError('must be a whole number from 1');
  return n;
};

const { minutes, lives, atOnce } = new Command('soak')
  .description(
    'Many lives in one laptop mode, some at a time, under load; then everything is back to nothing.',
  )
  .option('--minutes <n>', 'how long it takes', whole, 10)
  .option('--lives <n>', 'how many previews live', whole, 200)
  .option('--at-once <n>', 'how many at a time', whole, 20)
  .parse()
  .opts<{ minutes: number; lives: number; atOnce: number }>();

const SAMPLE_MS = 5_000;
/** From the end of its time to Deleted. */
const GOES_WITHIN_MS = 30_000;
/** The heap grows to a size that it likes; from the second quarter on it may not grow any more than this. */
const FLAT_MB = 40;

interface Result {
  ready: number;
  failed: number;
  late: string[];
  left_over: number;
}

const laptop = await Laptop.start();
const traffic = new Traffic(laptop);
const result: Result = { ready: 0, failed: 0, late: [], left_over: 0 };
const rss: number[] = [];
/** How long one lives, so that all of them fit. */
const lifeMs = (minutes * 60_000 * atOnce) / lives;

/** Each tenth fails on purpose, each third is deleted early, the rest expire. */
async function live(n: number): Promise<void> {
  const fails = n % 10 === 9;
  const seconds = Math.max(10, lifeMs / 1_000 - 4);
  const body = fails ? { command: ['node', '-e', 'process.exit(3)'] } : {};
  const { id } = await laptop.create({ ...body, ttl_hours: (seconds + 20) / 3_600 });
  const over = new AbortController();
  const view = await until(
    `the start of ${id}`,
    async () => {
      const now = await laptop.get(id);
      return (now.phase === 'Ready' || now.phase === 'Failed') && now;
    },
    60_000,
  );
  result[view.phase === 'Ready' ? 'ready' : 'failed'] += 1;
  if (fails !== (view.phase === 'Failed')) traffic.bad.push(`${id} is ${view.phase}`);
  const visits = fails ? Promise.resolve() : traffic.visit(id, over.signal);
  const early = fails || n % 3 === 0;
  const end = early ? Date.now() + (fails ? 1_000 : (seconds * 1_000) / 2) : Date.parse(view.expires_at);
  await delay(Math.max(0, end - 2_000 - Date.now()));
  over.abort();
  await visits;
  if (early) await laptop.delete(id);
  const gone = await goneBy(id, end + GOES_WITHIN_MS);
  result.left_over += gone.receipt.left_over;
}

async function goneBy(id: string, deadline: number): Promise<PreviewView> {
  const gone = await laptop.reach(id, 'Deleted', 120_000);
  if (Date.now() > deadline) result.late.push(id);
  return gone;
}

async function sample(over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    rss.push(
      Number(execFileSync('ps', ['-o', 'rss=', '-p', String(laptop.pid)], { encoding: 'utf8' })) / 1_024,
    );
    await delay(SAMPLE_MS);
  }
}

const median = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

const sampling = new AbortController();
const samples = sample(sampling.signal);
const began = performance.now();
let next = 0;
const violations: string[] = [];
try {
  await Promise.all(
    Array.from({ length: atOnce }, async (_, slot) => {
      await delay((slot * lifeMs) / atOnce / 4);
      while (next < lives) {
        next += 1;
        await live(next);
      }
    }),
  );
  sampling.abort();
  await samples;
  const world = await inspect(laptop);
  if (JSON.stringify(world) !== JSON.stringify(NOTHING))
    violations.push(`left over: ${JSON.stringify(world)}`);
  const strays = processesWith('TEMPUS_PREVIEW_ID=').filter((pid) =>
    processesWith(laptop.home).includes(pid),
  );
  if (strays.length > 0) violations.push(`${strays.length} processes run on`);
} catch (error) {
  violations.push(error instanceof Error ? error.message : String(error));
}
const quarter = Math.floor(rss.length / 4);
const [second, last] = [median(rss.slice(quarter, 2 * quarter)), median(rss.slice(-quarter))];
if (last - second > FLAT_MB)
  violations.push(`memory grew from ${second.toFixed(0)} to ${last.toFixed(0)} MB`);
if (result.left_over > 0) violations.push(`${result.left_over} resources left over, by the receipts`);
if (result.late.length > 0) violations.push(`${result.late.length} went late`);
if (traffic.bad.length > 0)
  violations.push(`${traffic.bad.length} bad answers: ${traffic.bad.slice(0, 3).join('; ')}`);
traffic.close();
await laptop.dispose();
const summary = {
  lives: next,
  at_once: atOnce,
  minutes: Math.round((performance.now() - began) / 6_000) / 10,
  requests: traffic.requests,
  ready: result.ready,
  failed_on_purpose: result.failed,
  rss_mb: {
    second_quarter: Math.round(second),
    last_quarter: Math.round(last),
    most: Math.round(Math.max(...rss)),
  },
  violations,
};
print(JSON.stringify(summary));
process.exitCode = violations.length === 0 ? 0 : 1;
