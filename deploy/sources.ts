import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { ROOT } from './checkout.ts';
import { Refusal } from './refusal.ts';

/** All that functions and images are made of; a test holds it against what the bundles say that is in them. */
export const SOURCES = [
  'api',
  'aws',
  'controller',
  'deploy/health.ts',
  'lambda',
  'package-lock.json',
  'platform',
  'preview',
  'reconcilers',
] as const;

const NOTE = 'sources.sha256';

/** Notes in `dist` what it was built of. */
export function noteSources(dist: string): void {
  writeFileSync(join(dist, NOTE), hashSources());
}

/** Throws Refusal where the sources are not those that `dist` was built of, as after a `git pull`. */
export function requireFresh(dist: string): void {
  const note = join(dist, NOTE);
  if (existsSync(note) && readFileSync(note, 'utf8') === hashSources()) return;
  throw new Refusal(
    'what is built is not of these sources',
    'they have changed since make build, so that Terraform would be newer than functions and images',
    'make build push deploy',
  );
}

function hashSources(): string {
  const hash = createHash('sha256');
  for (const file of SOURCES.flatMap(filesOf).toSorted()) {
    const content = readFileSync(join(ROOT, file));
    hash.update(`\0${file}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

function filesOf(place: string): string[] {
  const path = join(ROOT, place);
  if (statSync(path).isFile()) return [place];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(ROOT, join(parentPath, name)));
}
