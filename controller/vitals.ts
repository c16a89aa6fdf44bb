import type { Survey } from './survey.ts';
import type { WorkQueue } from './work-queue.ts';

/** How a tenure is going: noted by its parts as they work, read by metrics, health checks and the heartbeat. */
export interface Vitals {
  readonly since: Date;
  readonly queue: WorkQueue;
  lastFullListAt?: Date;
  lastSweepAt?: Date;
  survey?: Survey;
  /** How far behind the stream the last page was when it was read, in seconds. */
  streamLagS?: number;
}
