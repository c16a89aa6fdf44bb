import inject from 'light-my-request';
import { createApi } from '../../api/app.ts';
import type { ApiDeps } from '../../api/deps.ts';
import type { Clock } from '../../platform/clock.ts';
import { silentLog as log } from '../../platform/log.ts';
import type { Random } from '../../platform/random.ts';
import { API_CONFIG } from './config.ts';

/** What the API of one simulated world is built from. */
export type ApiParts = Omit<ApiDeps, 'log' | 'config' | 'stopping'>;

export interface Reply {
  status: number;
  body: Record<string, unknown>;
}

let parts: ApiParts | undefined;

function current(): ApiParts {
  if (!parts) throw new Error('no simulation is running');
  return parts;
}

const clock: Clock = {
  now: () => current().clock.now(),
  monotonic: () => current().clock.monotonic(),
  sleep: (ms, signal) => current().clock.sleep(ms, signal),
  after: (ms, fn) => current().clock.after(ms, fn),
};
const random: Random = { next: () => current().random.next(), uuid: () => current().random.uuid() };

// One app for all worlds of this thread, which run one after the other: to build it takes longer than most lives.
const app = createApi({
  ...new Proxy({} as ApiParts, {}),
  get store() {
    return current().store;
  },
  get logs() {
    return current().logs;
  },
  clock,
  random,
  log,
  config: API_CONFIG,
});

/** Lets requests go to the API of this world from now on. */
export function useApi(of: ApiParts): void {
  parts = of;
}

/** One request through the real application, without a socket. Never settles when the API dies over it. */
export async function request(
  method: 'GET' | 'POST' | 'DELETE' | 'PATCH',
  url: string,
  options: { body?: object; key?: string } = {},
): Promise<Reply> {
  const headers = {
    host: 'localhost',
    ...(options.body ? { 'content-type': 'application/json' } : {}),
    ...(options.key === undefined ? {} : { 'idempotency-key': options.key }),
  };
  const payload = options.body ? { payload: JSON.stringify(options.body) } : {};
  const reply = await inject(app, { method, url, headers, ...payload });
  return { status: reply.statusCode, body: JSON.parse(reply.payload) as Record<string, unknown> };
}
