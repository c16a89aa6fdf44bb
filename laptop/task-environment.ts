import { delimiter } from 'node:path';
import type { Env } from '../platform/config.ts';

/** Folders that npm puts in front of PATH for its scripts. They hold Tempus's own Node and tools. */
const OF_NPM = /[\\/](node_modules[\\/]\.bin|node-gyp-bin)[\\/]?$/;

/** The machine's environment as its user has it in a shell: a preview runs the user's own Node, not Tempus's. */
export function taskEnvironment(env: Env): Env {
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => !OF_NPM.test(folder));
  return { ...env, PATH: folders.join(delimiter) };
}
