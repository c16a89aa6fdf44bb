import type { Deletion, PreviewRow } from '../preview/record.ts';
import { toSeconds } from '../platform/clock.ts';
import { isDue } from '../preview/expiry.ts';
import { isLive } from '../preview/phases.ts';
import { judge } from './acceptance.ts';
import { converge } from './converge.ts';
import type { PassResult } from './outcome.ts';
import type { ReconcilerDeps } from './pass.ts';
import { tearDown } from './teardown.ts';

/**
 * One pass over one preview: reads the record as it is now, and makes the world like it. What woke the pass does not
 * matter; whatever an earlier pass left half-done is found again by name and tag. `attempt` counts the failures in a
 * row before this pass.
 */
export async function reconcile(id: string, attempt: number, deps: ReconcilerDeps): Promise<PassResult> {
  const row = await deps.store.get(id);
  if (!row || isFinished(row)) return { kind: 'finished' };
  const log = deps.log.child({ preview_id: row.preview_id, id });
  const scoped = { ...deps, log };

  const deletion = await teardownOf(row, scoped);
  return deletion ? tearDown(row, deletion, attempt, scoped) : converge(row, attempt, scoped);
}

/** A tombstone: Deleted by the controller itself, with its receipt closed. */
function isFinished({ phase, live, purge_at }: PreviewRow): boolean {
  return phase === 'Deleted' && live === undefined && purge_at !== undefined;
}

/**
 * Why this preview has to go, or undefined while it may live. Besides the request in the record there are two more
 * ways: its time is up and the Lambda has not said so yet, and a stale copy of the record was put over a teardown.
 */
async function teardownOf(row: PreviewRow, deps: ReconcilerDeps): Promise<Deletion | undefined> {
  const now = deps.clock.now();
  const because = (reason: string, by: string): Deletion => ({ requested_at: toSeconds(now), reason, by });
  if (!isLive(row.phase)) return row.deletion ?? because('OperatorRequested', 'operator');
  if (await deps.coordination.isGone(row.preview_id))
    return row.deletion ?? because('AlreadyTornDown', 'controller');
  return isDue(judge(row, deps.config).expires_at, now) ? because('Expired', 'controller') : undefined;
}
