import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { print } from '../../platform/terminal.ts';
import { type Load, load } from './load.ts';

/** What a request through the load balancer costs, held against one straight to its target, in one run. */
const CONNECTIONS = 64;
const ROUNDS = 3;
const MS = 2_000;
const HOST = 'preview-49.localhost:8080';

async function started(file: string, ...args: string[]): Promise<number> {
  const child = fork(join(import.meta.dirname, file), args);
  const [port] = (await once(child, 'message')) as [number];
  return port;
}

const target = await started('target.ts');
const balancer = await started('balancer.ts', String(target));
const ways = { direct: target, through: balancer };
const best: Record<string, { one: Load; many: Load }> = {};
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [way, port] of Object.entries(ways)) {
    const one = await load(port, HOST, 1, MS);
    const many = await load(port, HOST, CONNECTIONS, MS);
    const before = best[way];
    best[way] = {
      one: before && before.one.p50 < one.p50 ? before.one : one,
      many: before && before.many.per_second > many.per_second ? before.many : many,
    };
  }
}
const { direct, through } = best;
if (!direct || !through) throw new Error('nothing was measured');
const added = { p50: through.one.p50 - direct.one.p50, p99: through.one.p99 - direct.one.p99 };
const show = (name: string, { one, many }: { one: Load; many: Load }) =>
  print(
    `${name.padEnd(8)} one connection p50 ${one.p50.toFixed(2)} ms, p99 ${one.p99.toFixed(2)} ms; ` +
      `${CONNECTIONS} connections ${Math.round(many.per_second)} requests/s, p50 ${many.p50.toFixed(2)} ms`,
  );
show('direct', direct);
show('through', through);
print(`added    p50 ${added.p50.toFixed(2)} ms (target 2), p99 ${added.p99.toFixed(2)} ms`);
print(JSON.stringify({ added, direct, through }));
process.exit(0);
