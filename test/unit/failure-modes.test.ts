import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MODES } from '../sim/faults.ts';
import { MUTANTS } from '../sim/mutants.ts';
import { checkMutant } from '../sim/mutate.ts';
import { SCENARIOS } from '../sim/scenarios.ts';
import { draw } from '../sim/swarm.ts';

const ROOT = join(import.meta.dirname, '../..');
const page = readFileSync(join(ROOT, 'docs/failure-modes.md'), 'utf8');
const rows = page.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| ---'));
const evidence = rows
  .slice(1)
  .flatMap((row) => row.split('|')[4]!.split('<br>'))
  .map((text) => text.trim());

/** Every kind of event that some seed draws. */
const ambient = new Set(
  Array.from({ length: 60 }, (_, n) => draw(`0x${n.toString(16)}`).ambient.map((one) => one.do)).flat(),
);
const scenarios = SCENARIOS.map(({ name }) => name);
const mutants = MUTANTS.map(({ name }) => name);

function isShown(text: string): boolean {
  const [, kind, name = ''] = /^(sim: scenario|sim|mutant): ?(.*)$/.exec(text) ?? [];
  if (kind === 'mutant') return mutants.includes(name);
  if (kind === 'sim: scenario' || name.startsWith('scenario ')) {
    return scenarios.includes(name.replace('scenario ', ''));
  }
  if (kind === 'sim') return MODES.some((mode) => mode === name) || ambient.has(name as never);
  if (text === 'chaos' || text === '–') return true;
  const [file = '', title] = text.split(' › ');
  if (file.startsWith('docs/decisions/')) {
    return readdirSync(join(ROOT, 'docs/decisions')).some((one) => one.startsWith(file.slice(-4)));
  }
  const path = join(ROOT, file);
  return existsSync(path) && (title === undefined || readFileSync(path, 'utf8').includes(title));
}

test('whatever the list of failures names as evidence is there', () => {
  expect(evidence.length).toBeGreaterThan(60);
  expect(evidence.filter((text) => !isShown(text))).toEqual([]);
});

test('every fault, event and scenario of the simulation stands in the list', () => {
  for (const mode of MODES) expect(evidence).toContain(`sim: ${mode}`);
  for (const name of ambient) if (name !== 'mend_lambda') expect(evidence).toContain(`sim: ${name}`);
  const told = scenarios.filter(
    (name) => !['shortest-life', 'life-until-expiry', 'update-image'].includes(name),
  );
  for (const name of told) expect(evidence).toContain(`sim: scenario ${name}`);
});

test('every defect that is put in on purpose still has its place in the product', () => {
  expect(MUTANTS.length).toBeGreaterThanOrEqual(14);
  for (const mutant of MUTANTS) checkMutant(mutant);
});
