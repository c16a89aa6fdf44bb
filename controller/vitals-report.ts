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
  const led_s = secondsBetween(since, now);
  return {
    queue_depth: queue.depth,
    // Until then, and before the first sweep, a leader's own age: what never gets through has to show, too.
    stream_lag_s: streamLagS ?? led_s,
    previews: survey && [...survey.phases.values()].reduce((sum, count) => sum + count, 0),
    overdue_s: survey?.overdue_s,
    sweep_age_s: lastSweepAt ? secondsBetween(lastSweepAt, now) : led_s,
    orphans,
    breaker: sweepStopped === undefined ? undefined : Number(sweepStopped),
  };
}

function secondsBetween(from: Date, to: Date): number {
  return Math.max(0, Math.round((to.getTime() - from.getTime()) / 1000));
}
