import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { unzipSync } from 'fflate';
import { build, FUNCTIONS } from '../../deploy/build.ts';
import { startCloud } from '../../localcloud/cloud.ts';
import { systemClock as clock } from '../../platform/clock.ts';
import { silentLog as log } from '../../platform/log.ts';
import { systemRandom as random } from '../../platform/random.ts';
import { print } from '../../platform/terminal.ts';
import { FakeRuntime } from '../fakes/fake-runtime.ts';
import { type ColdStart, ColdRuns, STAGES } from './cold-runs.ts';

/**
 * How long a Lambda function takes from a fresh process to its first answer, as it is deployed: the archive of
 * `npm run build`, unpacked. AWS gives a function of 256 MB a part of a processor only; hold figures of one machine
 * against each other, not against AWS.
 */
const { values } = parseArgs({ options: { runs: { type: 'string', default: '30' } } });
const runs = Number(values.runs);
if (!Number.isInteger(runs) || runs < 1) throw new Error('--runs takes a number from 1 on');

async function measured(folder: string, endpoint: string): Promise<Record<string, ColdStart[]>> {
  await build(join(folder, 'dist'));
  const names = Object.keys(FUNCTIONS);
  const files = new Map(names.map((name) => [name, unpacked(folder, name)]));
  const starts: Record<string, ColdStart[]> = Object.fromEntries(names.map((name) => [name, []]));
  const cold = new ColdRuns(endpoint);
  try {
    // In turn, so that whatever else the machine does meets all of them; the first round warms disk and localcloud.
    for (let round = 0; round <= runs; round += 1)
      for (const [name, file] of files) {
        const start = await cold.run(name, file);
        if (round > 0) starts[name]?.push(start);
      }
  } finally {
    cold.close();
  }
  return starts;
}

function unpacked(folder: string, name: string): string {
  const { 'index.mjs': code } = unzipSync(readFileSync(join(folder, 'dist', `${name}.zip`)));
  if (!code) throw new Error(`${name}.zip has no index.mjs`);
  const file = join(folder, name, 'index.mjs');
  mkdirSync(join(folder, name));
  writeFileSync(file, code);
  return file;
}

/** As text, in whole tenths: what a run of this differs by is more. */
function summary(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => (sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0).toFixed(1);
  return `min ${at(0)}, median ${at(0.5)}, p95 ${at(0.95)}`;
}

const folder = mkdtempSync(join(tmpdir(), 'tempus-cold-start-'));
const cloud = await startCloud({
  clock,
  random,
  log,
  host: '127.0.0.1',
  awsPort: 0,
  listenerPorts: {},
  runtime: new FakeRuntime(),
  functions: {},
});
try {
  for (const [name, starts] of Object.entries(await measured(folder, cloud.endpoint))) {
    print(`${name}: ${starts.length} cold starts, milliseconds`);
    for (const stage of STAGES)
      print(`  ${stage.padEnd(10)} ${summary(starts.map((start) => start[stage]))}`);
  }
} finally {
  await cloud.stop();
  rmSync(folder, { recursive: true, force: true });
}
