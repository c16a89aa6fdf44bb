import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Vitals } from './vitals.ts';

const PERIOD_MS = 60_000;
/** So that an alarm for silence ends soon after a leader is there, and the first report can tell of the first list. */
const FIRST_MS = 1_000;

/**
 * Tells the log once a minute how the tenure goes, until `signal` aborts. On AWS nobody reads a task's Prometheus
 * metrics; terraform/controller.tf makes metrics and alarms of these lines, by their message and the names of their fields.
 */
export async function reportVitals(
  vitals: Vitals,
  { clock, log }: { clock: Clock; log: Log },
  signal: AbortSignal,
): Promise<void> {
  await clock.sleep(FIRST_MS, signal);
  while (!signal.aborted) {
    log.info(describe(vitals, clock.now()), 'reported vitals');
    await clock.sleep(PERIOD_MS, signal);
  }
}

/** What is not known yet is left out: an alarm must not take it for 0. */
function describe(
  { since, queue, streamLagS, survey, lastSweepAt, orphans, sweepStopped }: Vitals,
  now: Date,
) {
  return {
    queue_depth: queue.depth,
    stream_lag_s: streamLagS,
    previews: survey && [...survey.phases.values()].reduce((sum, count) => sum + count, 0),
    overdue_s: survey?.overdue_s,
    // Before the first one a leader's own age: sweeps that never get through have to show, too.
    sweep_age_s: Math.max(0, Math.round((now.getTime() - (lastSweepAt ?? since).getTime()) / 1000)),
    orphans,
    breaker: sweepStopped === undefined ? undefined : Number(sweepStopped),
  };
}
