import type { Survey } from './survey.ts';
import type { WorkQueue } from './work-queue.ts';

/** How a tenure is going: noted by its parts as they work, read by metrics, health checks and the heartbeat. */
export interface Vitals {
  readonly since: Date;
  readonly queue: WorkQueue;
  lastFullListAt?: Date;
  lastSweepAt?: Date;
  /** Whether the last sweep was stopped, because it would have taken too much. */
  sweepStopped?: boolean;
  /** How many resources without a record the last sweep has left standing. */
  orphans?: number;
  survey?: Survey;
  /** How far behind the stream is read; 0 at its tip. */
  streamLagS?: number;
}
