import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { print } from '../platform/terminal.ts';
import { bundle } from './bundle.ts';
import { pack } from './pack.ts';
import { noteSources } from './sources.ts';

const ROOT = resolve(import.meta.dirname, '..');

/** Programs of the image, by where they lie in it: beside package.json as in the checkout. */
export const PROGRAMS = {
  'api/main.js': 'api/main.ts',
  'controller/main.js': 'controller/main.ts',
  'health.js': 'deploy/health.ts',
} as const;

/** Lambda functions, by the name of their archive. */
export const FUNCTIONS = { expire: 'lambda/expire.ts', observe: 'lambda/observe.ts' } as const;

/** What AWS limits to 50 MB zipped, and what a cold start has to read. */
const FUNCTION_LIMIT_BYTES = 1_000_000;

/**
 * Makes everything that goes to AWS: `image/`, which is what the image's /app holds, and an archive for each function.
 * The same sources give the same bytes, so that a deployment without a change changes nothing.
 */
export async function build(dist: string): Promise<void> {
  rmSync(dist, { recursive: true, force: true });
  const { name, version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Record<
    string,
    string
  >;
  write(join(dist, 'image/package.json'), `${JSON.stringify({ name, version, type: 'module' }, null, 2)}\n`);
  for (const [to, from] of Object.entries(PROGRAMS)) {
    const code = await bundle(join(ROOT, from));
    write(join(dist, 'image', to), code);
    report(`image/${to}`, code);
  }
  for (const [function_name, from] of Object.entries(FUNCTIONS)) {
    const code = await bundle(join(ROOT, from), { small: true });
    if (code.length > FUNCTION_LIMIT_BYTES)
      throw new Error(
        `${from} makes ${code.length} bytes, and a function shall have at most ${FUNCTION_LIMIT_BYTES}`,
      );
    write(join(dist, `${function_name}.zip`), pack({ 'index.mjs': code }));
    report(`${function_name}.zip (index.mjs)`, code);
  }
  noteSources(dist);
}

function write(file: string, content: string | Uint8Array): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}

function report(file: string, code: string): void {
  print(`${kilobytes(Buffer.byteLength(code))} ${kilobytes(gzipSync(code).length)} gzip  ${file}`);
}

function kilobytes(bytes: number): string {
  return `${Math.round(bytes / 1000)} kB`.padStart(8);
}

if (import.meta.main) await build(resolve(ROOT, 'dist'));
