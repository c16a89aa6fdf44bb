import { HEARTBEAT_MS } from '../../controller/heartbeat.ts';
import { noFaults } from '../sim/faults.ts';
import { World } from '../sim/world.ts';

/** What an install without previews asks of DynamoDB in an hour. */
export interface IdleHour {
  /** Conditional or not, a write of less than 1 KB is one unit. */
  writes: number;
  /** Consistent reads of one item: one unit each. */
  reads: number;
  /** Queries of the live index, which is always read as it may be old, and here is empty: half a unit each. */
  queries: number;
  /** GetRecords, for one open shard. */
  streamReads: number;
  expiryRuns: number;
}

const HOUR_MS = 3_600_000;
/** Until leases are held, lists done and the first shard found. */
const SETTLED_MS = 600_000;

/** Counts the calls of the product's own controllers and of lambda/expire in an hour of virtual time, at AWS's pace. */
export async function idleHour(controllers: number): Promise<IdleHour> {
  const world = await World.create({
    seed: '0x1',
    faults: noFaults,
    controllers,
    albs: [95],
    paths: true,
    staleReads: false,
    latency_ms: [5, 5],
    restart_ms: [1_000, 1_000],
    pace: 'aws',
    shuffle: false,
    page_size: 100,
    shard_life_ms: 4 * HOUR_MS,
  });
  try {
    await world.run(SETTLED_MS);
    const before = new Map(world.calls.counts);
    await world.run(HOUR_MS);
    const count = (pattern: RegExp) =>
      [...world.calls.counts]
        .filter(([name]) => pattern.test(name))
        .reduce((sum, [name, n]) => sum + n - (before.get(name) ?? 0), 0);
    const tables = '/(previews|coordination|events)';
    return {
      // The simulated controllers write no heartbeat.
      writes: count(new RegExp(`${tables}\\.(put|update)$`)) + HOUR_MS / HEARTBEAT_MS,
      reads: count(new RegExp(`${tables}\\.get$`)),
      queries: count(new RegExp(`${tables}\\.query$`)),
      streamReads: count(/\/streams\.getRecords$/),
      expiryRuns: count(/^lambda\/previews\.query$/),
    };
  } finally {
    world.dispose();
  }
}
