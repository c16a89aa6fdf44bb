import { type Phase, PHASES } from './record.ts';

/** Who may follow whom. Teardown is reachable from everywhere and leads nowhere but to Deleted. */
const MOVES: Readonly<Record<Phase, readonly Phase[]>> = {
  Pending: ['Provisioning', 'Failed', 'Deleting'],
  Provisioning: ['Ready', 'Failed', 'Deleting'],
  Ready: ['Updating', 'Degraded', 'Deleting'],
  Updating: ['Ready', 'Degraded', 'Deleting'],
  Degraded: ['Ready', 'Deleting'],
  Failed: ['Provisioning', 'Deleting'],
  Deleting: ['Deleted'],
  Deleted: [],
};

/** The one phase that may be passed through on the way to another: to say Ready in passing would be a lie. */
const BETWEEN: Phase = 'Provisioning';

/**
 * The phase to write on the way from `from` to `to`: `to` itself where the move is allowed, Provisioning where that
 * leads there, else `from`, until the world gives a move that is allowed.
 */
export function advance(from: Phase, to: Phase): Phase {
  // A hand may have stored a phase that is none, or Deleted over what still stands: both are set right at once.
  if (!PHASES.includes(from) || to === 'Deleting') return to;
  if (from === to || MOVES[from].includes(to)) return to;
  return MOVES[from].includes(BETWEEN) && MOVES[BETWEEN].includes(to) ? BETWEEN : from;
}

/** Whether a preview in this phase may still be served, edited and extended. */
export function isLive(phase: Phase): boolean {
  return phase !== 'Deleting' && phase !== 'Deleted';
}
