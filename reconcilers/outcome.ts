import type { Fault } from '../aws/errors.ts';
import type { Look } from './waits.ts';

/**
 * How a step ended. Waiting is a value, not an exception and not a sleep: the queue owns time.
 *
 * - done: the world is as planned, go on
 * - wait: AWS, or a person, needs time; look again in `ms`, or sooner where `soon` says that AWS is likely to be quicker
 * - rejected: AWS or the application refuses this very spec; deploying it again unchanged cannot help
 */
export type Outcome =
  | { kind: 'done' }
  | { kind: 'wait'; reason: string; message: string; ms: number; soon?: Look }
  | { kind: 'rejected'; reason: string; message: string; logs: string[] };

export const done: Outcome = { kind: 'done' };

export function wait(reason: string, message: string, ms: number): Outcome {
  return { kind: 'wait', reason, message, ms };
}

/** For what AWS makes true by itself, mostly in a second or two: the first look comes soon, later ones within `ms`. */
export function waitSoon(reason: string, message: string, ms: number, soon: Look = 'whole'): Outcome {
  return { kind: 'wait', reason, message, ms, soon };
}

/** What one pass over a preview tells the work queue. */
export type PassResult =
  /** Nothing to do until something changes; absent and Deleted records end here. */
  | { kind: 'finished' }
  /** Look again in `ms`, without counting a failure. */
  | { kind: 'again'; ms: number; reason: string }
  /** A call failed; the kind of fault decides the pace of the next try. */
  | { kind: 'fault'; fault: Fault };
