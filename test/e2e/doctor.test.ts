import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Laptop, ROOT, until } from './laptop-process.ts';

let laptop: Laptop;

beforeAll(async () => {
  laptop = await Laptop.start();
});
afterAll(() => laptop.dispose());

async function doctor() {
  const child = spawn(process.execPath, [join(ROOT, 'cli/tempus.js'), '-o', 'json', 'doctor'], {
    // It finds the laptop mode that runs on this home by itself.
    env: { PATH: process.env['PATH'], TEMPUS_HOME: laptop.home },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [stdout] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  const { checks } = JSON.parse(stdout) as { checks: { check: string; state: string; finding: string }[] };
  const states = Object.fromEntries(checks.map(({ check, state }) => [check, state]));
  return { code: child.exitCode, states };
}

test('a real laptop mode is well, with a preview that lives, and doctor says when it is gone', async () => {
  const { id } = await laptop.create({ command: 'exec node examples/hello/server.mjs', workdir: ROOT });
  await laptop.reach(id, 'Ready');
  // The first heartbeat comes a second after the controller leads, the first sweep some seconds later.
  const well = await until('a leader that has reported', async () => {
    const seen = await doctor();
    return seen.states['controller'] === 'ok' && seen;
  });
  expect(well.code).toBe(0);
  const { docker, ...others } = well.states;
  expect(['ok', 'warn']).toContain(docker);
  expect(others).toEqual({
    api: 'ok',
    token: 'ok',
    'clock of the api': 'ok',
    versions: 'ok',
    controller: 'ok',
    stream: 'ok',
    sweep: 'ok',
    records: 'ok',
    node: 'ok',
    aws: 'skipped',
  });
  await laptop.end('SIGKILL');
  const gone = await doctor();
  expect(gone).toMatchObject({ code: 1, states: { api: 'fail', controller: 'skipped', aws: 'skipped' } });
});
