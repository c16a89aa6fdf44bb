import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createProcessRuntime } from '../localcloud/process-runtime/process-runtime.ts';
import { systemClock as clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';

/** Everything that localcloud keeps: tables, services, rules, schedules, logs, and which processes it runs. */
export function cloudFolder(home: string): string {
  return join(home, 'localcloud');
}

/**
 * Tears down what an earlier run left: its processes first, then the cloud that they belong to. Everything that was
 * ever made stands in that folder, so nothing can be left over. Answers whether there was anything.
 */
export async function tearDownEarlier(home: string, log: Log): Promise<boolean> {
  const path = cloudFolder(home);
  if (!existsSync(path)) return false;
  await createProcessRuntime({ clock, log, path, hostEnv: {}, images: {} }).reclaim();
  rmSync(path, { recursive: true });
  return true;
}
