import { execFileSync } from 'node:child_process';
import { describe, test } from 'vitest';

/** Whether an engine answers: asked once a file, before its tests are collected. */
const answers = probe();

function probe(): boolean {
  try {
    return docker('info', '--format', '{{.ID}}') !== '';
  } catch {
    return false; // no command, no engine, or no right to ask it: there is nothing to test on
  }
}

/** Runs the docker command and answers what it printed. */
export function docker(...args: string[]): string {
  return execFileSync('docker', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}

/**
 * A suite that needs a Docker engine. Without one its tests are skipped, and that is said aloud; where
 * TEMPUS_REQUIRE_DOCKER=1 says that an engine has to be there, they fail instead.
 */
export function describeDocker(name: string, define: (it: typeof test) => void): void {
  if (answers) {
    describe(name, () => define(test));
    return;
  }
  if (process.env['TEMPUS_REQUIRE_DOCKER'] === '1') {
    test(name, () => {
      throw new Error('no Docker engine answers, and TEMPUS_REQUIRE_DOCKER=1 says that one has to');
    });
    return;
  }
  let skipped = 0;
  const count: typeof test = new Proxy(test, {
    get: (target, key, self) => (key === 'concurrent' ? count : (Reflect.get(target, key, self) as unknown)),
    apply: (target, self, args: Parameters<typeof test>) => {
      skipped += 1;
      return Reflect.apply(target, self, args) as unknown;
    },
  });
  describe.skip(name, () => {
    define(count);
    process.stderr.write(`no Docker engine answers: ${skipped} Docker tests were skipped (${name})\n`);
  });
}

/** Names of containers and networks on the engine that carry `tempus.install=<install>`. */
export function standingOn(install: string): string[] {
  const mine = ['--filter', `label=tempus.install=${install}`];
  const containers = docker('ps', '--all', ...mine, '--format', '{{.Names}}');
  const networks = docker('network', 'ls', ...mine, '--format', '{{.Name}}');
  return `${containers}\n${networks}`.split('\n').filter((line) => line !== '');
}

/** What a test that failed, or killed what it tests, has left. */
export function clearInstall(install: string): void {
  const mine = ['--quiet', '--filter', `label=tempus.install=${install}`];
  const containers = docker('ps', '--all', ...mine)
    .split('\n')
    .filter(Boolean);
  if (containers.length > 0) docker('rm', '--force', '--volumes', ...containers);
  const networks = docker('network', 'ls', ...mine)
    .split('\n')
    .filter(Boolean);
  if (networks.length > 0) docker('network', 'rm', ...networks);
}
