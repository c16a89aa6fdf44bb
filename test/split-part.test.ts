import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Part } from '../laptop/split/part.ts';
import { systemClock as clock } from '../platform/clock.ts';

/** A program that says nothing and ends at once: a file that only exports. */
const ENDS = 'platform/span.ts';

let home: string;
let deaths: { name: string; at: number }[];

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tempus-part-'));
  deaths = [];
});

afterEach(() => rmSync(home, { recursive: true, force: true }));

const deathsOf = (name: string) => deaths.filter((death) => death.name === name).map(({ at }) => at);

const partOf = (file: string, restarts: boolean, name = 'part') =>
  new Part({
    name,
    file,
    env: { PATH: process.env['PATH'] ?? '' },
    home,
    clock,
    restarts,
    onDeath: (dead) => deaths.push({ name: dead, at: performance.now() }),
  });

test('a part that ends by itself is started anew, each time after a longer wait, until it is stopped', async () => {
  const part = partOf(ENDS, true);
  await part.start();
  await expect.poll(() => deaths.length, { timeout: 20_000 }).toBe(3);
  await part.stop();
  const [first = 0, second = 0, third = 0] = deathsOf('part');
  expect(second - first).toBeGreaterThanOrEqual(500);
  expect(third - second).toBeGreaterThanOrEqual(1_000);
  expect(deaths).toHaveLength(3);
});

test('a part that is not to be started anew is reported once, however often another one comes back meanwhile', async () => {
  const [once, again] = [partOf(ENDS, false, 'once'), partOf(ENDS, true, 'again')];
  await Promise.all([once.start(), again.start()]);
  await expect.poll(() => deathsOf('again').length, { timeout: 20_000 }).toBe(3);
  await Promise.all([once.stop(), again.stop()]);
  expect(deathsOf('once')).toHaveLength(1);
});

test('what a part says of its failure is in its log', async () => {
  const part = partOf('there/is/none.ts', false);
  await part.start();
  await expect.poll(() => deaths.length, { timeout: 20_000 }).toBe(1);
  await part.stop();
  await expect.poll(() => readFileSync(join(home, 'part.log'), 'utf8')).toContain('none.ts');
});
