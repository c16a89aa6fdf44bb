import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { strFromU8, unzipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { build, FUNCTIONS } from '../../deploy/build.ts';

let folder: string;
const dist = (name: string) => join(folder, 'dist', name);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tempus-dist-'));
  await build(dist(''));
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function filesBelow(path: string): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

const unpack = (name: string) => unzipSync(readFileSync(dist(name)));

test('the same sources give the same bytes', async () => {
  const again = join(folder, 'again');
  await build(again);
  const files = filesBelow(dist('')).map((file) => file.slice(dist('').length));
  expect(files.length).toBeGreaterThan(4);
  for (const file of files)
    expect(readFileSync(join(again, file)).equals(readFileSync(dist(file)))).toBe(true);
}, 60_000);

describe.each(Object.keys(FUNCTIONS))('the function %s', (name) => {
  test('is one file of less than 1 MB', () => {
    const files = unpack(`${name}.zip`);
    expect(Object.keys(files)).toEqual(['index.mjs']);
    expect(files['index.mjs']!.length).toBeLessThan(1_000_000);
    expect(statSync(dist(`${name}.zip`)).size).toBeLessThan(400_000);
  });

  test('has the handler that Lambda calls, and imports nothing but Node', () => {
    const code = strFromU8(unpack(`${name}.zip`)['index.mjs']!);
    const file = join(folder, name, 'index.mjs');
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, code);
    const script = `import('${file}').then((m) => console.log(typeof m.handler))`;
    const env = { PATH: process.env['PATH'] };
    expect(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8', env, cwd: '/' }).trim()).toBe(
      'function',
    );
  });
});

test('nothing that only laptops need is in what goes to AWS', () => {
  for (const file of filesBelow(dist('image')))
    expect(readFileSync(file, 'utf8')).not.toMatch(/dynalite|\/(localcloud|laptop)\/[a-z-]+\.ts/);
});
