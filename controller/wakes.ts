import { differing } from '../preview/changed-paths.ts';
import { canonicalJson } from '../preview/spec.ts';
import { PRIORITY } from './work-queue.ts';

type Image = Record<string, unknown>;

const DESIRED = ['spec', 'ttl_hours', 'nudge'] as const;

/**
 * Whether a change of a record concerns the controller, and how urgently; undefined for its own writes, which come
 * back through the stream and would otherwise cancel every backoff. An own write raises status.rev by exactly one and
 * leaves desired state alone; whatever does not look like that was someone else. Missing images wake: better once
 * too often.
 */
export function wakes(before: Image | undefined, after: Image | undefined): number | undefined {
  if (after?.phase === 'Deleting' && before?.phase !== 'Deleting') return PRIORITY.deletion;
  if (!before || !after) return PRIORITY.change;
  if (isOwnWrite(before, after)) return undefined;
  return isObservation(before, after) ? priorityOfLook(after) : PRIORITY.change;
}

function isOwnWrite(before: Image, after: Image): boolean {
  const [was, is] = [revOf(before), revOf(after)];
  if (was === undefined || is !== was + 1) return false;
  return DESIRED.every(
    (field) => canonicalJson(before[field] ?? null) === canonicalJson(after[field] ?? null),
  );
}

/** lambda/observe has heard of AWS: nobody has asked for anything. */
function isObservation(before: Image, after: Image): boolean {
  return (
    before.observed_event !== after.observed_event &&
    differing(before, after).every((field) => field === 'observed_event')
  );
}

/** A look that was due anyhow comes earlier; as urgent as the timer in whose place it comes. */
function priorityOfLook({ phase }: Image): number {
  return phase === 'Deleting' ? PRIORITY.deletion : PRIORITY.timer;
}

function revOf({ status }: Image): number | undefined {
  const rev = (status as { rev?: unknown } | undefined)?.rev;
  return typeof rev === 'number' ? rev : undefined;
}
