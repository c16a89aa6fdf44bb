import type { ContainerDefinition, HealthCheck } from '@aws-sdk/client-ecs';
import type { Clock } from '../../platform/clock.ts';
import type { RunningContainer } from '../task-runtime.ts';

/** AWS's defaults: API reference, HealthCheck. */
const INTERVAL_S = 30;
const TIMEOUT_S = 5;
const RETRIES = 3;

export interface Watch {
  clock: Clock;
  /** What has never been healthy is looked at this often, if that is more often than at its interval. */
  firstLookMs: number;
  over: AbortSignal;
}

/** The argv of a health check, or undefined where it says that there is none. */
export function checkArgv({ command = [] }: HealthCheck): readonly string[] | undefined {
  const [form, ...rest] = command;
  if (form === 'NONE') return undefined;
  return form === 'CMD-SHELL' ? ['/bin/sh', '-c', rest.join(' ')] : form === 'CMD' ? rest : command;
}

export function isChecked({ healthCheck }: ContainerDefinition): boolean {
  return healthCheck !== undefined && checkArgv(healthCheck) !== undefined;
}

/** The health of a container whenever it changes, until `over`. */
export async function* watchHealth(
  container: RunningContainer,
  check: HealthCheck,
  { clock, firstLookMs, over }: Watch,
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
    await clock.sleep(health === undefined ? Math.min(firstLookMs, intervalMs) : intervalMs, over);
    if (over.aborted) return;
    const ok = await container.check(argv, timeoutMs);
    // It was stopped meanwhile: that a check of it failed says nothing.
    if (over.aborted) return;
    failures = ok ? 0 : failures + 1;
    const spent = health === undefined ? clock.monotonic() >= patience : failures >= retries;
    const next = ok ? 'HEALTHY' : spent ? 'UNHEALTHY' : health;
    if (next === undefined || next === health) continue;
    health = next;
    yield next;
  }
}
