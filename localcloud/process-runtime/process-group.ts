import type { Clock } from '../../platform/clock.ts';
import { listProcesses } from './process-table.ts';

const POLL_MS = 20;

/** What is written down about a task before it counts as started, for the process that comes after us. */
export interface RecordedGroup {
  pgid: number;
  taskId: string;
}

/** Signals a whole process group. A group that is gone is not an error. */
export function signalGroup(pgid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pgid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Resolves when no process of the group runs any more. */
export async function groupGone(pgid: number, clock: Clock, platform: NodeJS.Platform): Promise<void> {
  while (groupExists(pgid)) {
    // The group can consist of zombies that its new parent is in no hurry to reap: only the table tells them apart.
    const processes = await listProcesses(platform);
    if (!processes.some((entry) => entry.pgid === pgid)) return;
    await clock.sleep(POLL_MS);
  }
}

/**
 * Kills what is left of recorded groups and returns the ids of the tasks that were. Group ids are reused by the
 * system, so a group counts as ours only while one of its processes still carries the task's id in its arguments;
 * the guard and its watcher both do.
 */
export async function killLeftovers(
  recorded: readonly RecordedGroup[],
  clock: Clock,
  platform: NodeJS.Platform,
): Promise<string[]> {
  if (recorded.length === 0) return [];
  const processes = await listProcesses(platform);
  const ours = recorded.filter(({ pgid, taskId }) =>
    processes.some((entry) => entry.pgid === pgid && entry.args.split(' ').includes(taskId)),
  );
  for (const { pgid } of ours) signalGroup(pgid, 'SIGKILL');
  await Promise.all(ours.map(({ pgid }) => groupGone(pgid, clock, platform)));
  return ours.map(({ taskId }) => taskId);
}

function groupExists(pgid: number): boolean {
  try {
    process.kill(-pgid, 0);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    if ((error as NodeJS.ErrnoException).code === 'EPERM') return true;
    throw error;
  }
}
