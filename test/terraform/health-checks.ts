import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { Plan } from './plan.ts';
import { containersOf, type Part, PARTS } from './services.ts';

const PROGRAM = resolve(import.meta.dirname, '../../deploy/health.ts');
const run = promisify(execFile);

/** Where each part answers while it is well, and the setting that says on which port. */
const WELL: Readonly<Record<Part, { path: string; port: string }>> = {
  api: { path: '/health', port: 'TEMPUS_API_PORT' },
  controller: { path: '/healthz', port: 'TEMPUS_HEALTH_PORT' },
};

/** How the health check of a container ends, as its task definition has it. */
async function outcome(command: readonly string[], env: Record<string, string>): Promise<number> {
  expect(command.slice(0, 3)).toEqual(['CMD', '/usr/local/bin/node', '/app/health.js']);
  try {
    await run(process.execPath, [PROGRAM, ...command.slice(3)], { env });
    return 0;
  } catch (error) {
    return (error as { code: number }).code;
  }
}

/** For one plan: what the command does is the same in every one that has it. */
export function healthChecks(plan: Plan): void {
  test.each(PARTS)('the container of %s is healthy while its own part is, and only then', async (part) => {
    const { healthCheck, environment } = containersOf(plan)[part];
    const { path, port } = WELL[part];
    expect(environment.map(({ name }) => name)).toContain(port);
    const server = createServer(({ url }, response) => response.writeHead(url === path ? 200 : 404).end());
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const here = String((server.address() as AddressInfo).port);
    // Nobody else is in the container: the ports of other parts are closed there.
    const closed = { TEMPUS_API_PORT: '1', TEMPUS_HEALTH_PORT: '1' };
    const env = { ...closed, [port]: here };
    expect(await outcome(healthCheck.command, env)).toBe(0);
    await new Promise((done) => server.close(done));
    expect(await outcome(healthCheck.command, env)).toBe(1);
  });
}
