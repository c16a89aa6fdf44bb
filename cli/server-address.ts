import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Env } from '../platform/config.ts';

const DEFAULT = 'http://127.0.0.1:4000';
const CHECKOUT = resolve(import.meta.dirname, '..');

/**
 * Which API to ask: the flag, then TEMPUS_SERVER, then the laptop mode that runs on this checkout, which leaves its
 * address in its home, then the default address.
 */
export function serverAddress(flag: string | undefined, env: Env): string {
  return flag ?? (env['TEMPUS_SERVER'] || undefined) ?? running(env) ?? DEFAULT;
}

function running(env: Env): string | undefined {
  const file = join(resolve(CHECKOUT, env['TEMPUS_HOME'] || '.tempus'), 'laptop.json');
  try {
    return (JSON.parse(readFileSync(file, 'utf8')) as { api?: string }).api;
  } catch (error) {
    // No laptop mode runs here, or one is about to: then the default is as good a guess as any.
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whether commands sent there run on this machine, in its folders. */
export function isThisMachine(server: string): boolean {
  return ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(server).hostname);
}
