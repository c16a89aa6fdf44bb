import type { Clock } from '../platform/clock.ts';
import type { Health } from '../platform/supervision.ts';
import type { LeaderLease } from './lease.ts';
import type { Vitals } from './vitals.ts';

/** Longer than any one call takes with its time-outs, and than passes need to end after a tenure was lost. */
const STUCK_MS = 60_000;
/** Longer than a lease: who has not heard of it for this long knows neither that it leads nor that it may not. */
const SILENT_MS = 15_000;

/** Whether the loop that leads, or stands by to lead, still comes round: if not, only a restart can help. */
export function isAlive(lease: LeaderLease): Health {
  return { ok: lease.stuckMs < STUCK_MS, detail: { lease_loop_age_s: seconds(lease.stuckMs) } };
}

/** Ready is a leader that renews its lease, and a standby that watches it: either can do its part. */
export function isReady(lease: LeaderLease, vitals: Vitals | undefined, clock: Clock): Health {
  const { silentMs } = lease;
  const age = (at: Date | undefined) => at && seconds(clock.now().getTime() - at.getTime());
  return {
    ok: silentMs !== undefined && silentMs < SILENT_MS,
    detail: {
      leader: vitals !== undefined,
      lease_seen_age_s: silentMs === undefined ? null : seconds(silentMs),
      ...(vitals && {
        leader_age_s: age(vitals.since),
        stream_lag_s: vitals.streamLagS ?? null,
        last_full_list_age_s: age(vitals.lastFullListAt) ?? null,
        last_sweep_age_s: age(vitals.lastSweepAt) ?? null,
        queue_depth: vitals.queue.depth,
      }),
    },
  };
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10;
}
