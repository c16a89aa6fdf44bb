import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Heartbeats } from '../preview/heartbeat.ts';
import type { LeaderLease } from './lease.ts';
import type { Vitals } from './vitals.ts';

export interface HeartbeatDeps {
  heartbeats: Heartbeats;
  lease: LeaderLease;
  clock: Clock;
  log: Log;
  owner: string;
  version: string;
}

/**
 * Two of them may be missed before the leader counts as silent: see preview/heartbeat.ts. This is the one write that a
 * quiet install makes: it goes to the coordination table, which wakes nobody, and never to the records.
 */
export const HEARTBEAT_MS = 30_000;
/** So that the first one can already tell of the first list. */
const FIRST_MS = 1_000;

/** Says that the leader lives, and how, until `signal` aborts. */
export async function beat(vitals: Vitals, deps: HeartbeatDeps, signal: AbortSignal): Promise<void> {
  const { heartbeats, lease, clock, log, owner, version } = deps;
  await clock.sleep(FIRST_MS, signal);
  while (!signal.aborted) {
    const { tenure } = lease;
    try {
      if (tenure !== undefined)
        await heartbeats.write({ owner, version, tenure, ...describe(vitals, clock.now()) });
    } catch (error) {
      log.warn({ err: error }, 'could not write the heartbeat');
    }
    await clock.sleep(HEARTBEAT_MS, signal);
  }
}

function describe({ since, queue, streamLagS, lastFullListAt, lastSweepAt }: Vitals, now: Date) {
  return {
    became_leader_at: since.toISOString(),
    at: now.toISOString(),
    queue_depth: queue.depth,
    stream_lag_s: streamLagS ?? null,
    last_full_list_at: lastFullListAt?.toISOString() ?? null,
    last_sweep_at: lastSweepAt?.toISOString() ?? null,
  };
}
