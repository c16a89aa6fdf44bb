import type { SweepReport } from '../preview/sweep-board.ts';
import type { Survey } from './survey.ts';
import type { WorkQueue } from './work-queue.ts';

/** How a tenure is going: noted by its parts as they work, read by metrics, health checks and the heartbeat. */
export interface Vitals {
  readonly since: Date;
  readonly queue: WorkQueue;
  lastFullListAt?: Date;
  /** Of a sweep that saw everything; one that was aborted does not count. */
  lastSweepAt?: Date;
  /** Whether the last sweep was stopped, because it would have taken too much. */
  sweepStopped?: boolean;
  /** How many resources without a record the last sweep has left standing. */
  orphans?: number;
  survey?: Survey;
  /** How far behind the stream is read; 0 at its tip. Absent until some of it has been read. */
  streamLagS?: number;
}

/** One that was aborted has seen nothing: that nothing is left over would be a guess, and would end alarms. */
export function noteSweep(vitals: Vitals, { aborted, breaker, orphans }: SweepReport, now: Date): void {
  if (aborted !== null) return;
  vitals.lastSweepAt = now;
  vitals.sweepStopped = breaker !== null;
  vitals.orphans = orphans.length;
}
