import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Env } from '../platform/config.ts';
import type { Log } from '../platform/log.ts';
import { createTaskRuntime } from './task-runtime.ts';

/** Everything that localcloud keeps: tables, services, rules, schedules, logs, and which processes it runs. */
export function cloudFolder(home: string): string {
  return join(home, 'localcloud');
}

/**
 * Tears down what an earlier run left: its processes and containers first, then the cloud that they belong to. Everything that was
 * ever made stands in that folder, so nothing can be left over. Answers whether there was anything.
 */
export async function tearDownEarlier(home: string, env: Env, log: Log): Promise<boolean> {
  const path = cloudFolder(home);
  if (!existsSync(path)) return false;
  await createTaskRuntime({ choice: 'auto', home, cloud: path, env, log }).reclaim();
  rmSync(path, { recursive: true });
  return true;
}
