import type { HealthCheck } from '@aws-sdk/client-ecs';
import type { Clock } from '../../platform/clock.ts';
import type { RunningContainer } from '../task-runtime.ts';

/** AWS's defaults: API reference, HealthCheck. */
const INTERVAL_S = 30;
const TIMEOUT_S = 5;
const RETRIES = 3;
/** What has never been healthy is looked at this often, so that nobody waits for the rest of an interval. */
const FIRST_LOOKS_MS = 500;

/** The argv of a health check, or undefined where it says that there is none. */
export function checkArgv({ command = [] }: HealthCheck): readonly string[] | undefined {
  const [form, ...rest] = command;
  if (form === 'NONE') return undefined;
  return form === 'CMD-SHELL' ? ['/bin/sh', '-c', rest.join(' ')] : form === 'CMD' ? rest : command;
}

/** The health of a container whenever it changes, until `over`. */
export async function* watchHealth(
  container: RunningContainer,
  check: HealthCheck,
  clock: Clock,
  over: AbortSignal,
): AsyncGenerator<'HEALTHY' | 'UNHEALTHY'> {
  const argv = checkArgv(check);
  const intervalMs = (check.interval ?? INTERVAL_S) * 1000;
  const timeoutMs = (check.timeout ?? TIMEOUT_S) * 1000;
  const retries = check.retries ?? RETRIES;
  // As many failures as it may have, one an interval: until then its first success is awaited.
  const patience = clock.monotonic() + (check.startPeriod ?? 0) * 1000 + retries * intervalMs;
  let health: 'HEALTHY' | 'UNHEALTHY' | undefined;
  let failures = 0;
  while (argv && !over.aborted) {
    await clock.sleep(health === undefined ? Math.min(FIRST_LOOKS_MS, intervalMs) : intervalMs, over);
    if (over.aborted) return;
    const ok = await container.check(argv, timeoutMs);
    failures = ok ? 0 : failures + 1;
    const spent = health === undefined ? clock.monotonic() >= patience : failures >= retries;
    const next = ok ? 'HEALTHY' : spent ? 'UNHEALTHY' : health;
    if (next === undefined || next === health) continue;
    health = next;
    yield next;
  }
}
