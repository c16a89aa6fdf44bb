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

/**
 * The phase to write on the way from `from` to `to`: `to` itself where the move is allowed, the phase between them
 * where there is one, else `from`.
 */
export function advance(from: Phase, to: Phase): Phase {
  // A hand may have stored a phase that is none, or Deleted over what still stands: both are set right at once.
  if (!PHASES.includes(from) || to === 'Deleting') return to;
  if (from === to || MOVES[from].includes(to)) return to;
  const between = MOVES[from].find((next) => next !== 'Deleting' && MOVES[next].includes(to));
  return between ?? from;
}

/** Whether a preview in this phase may still be served, edited and extended. */
export function isLive(phase: Phase): boolean {
  return phase !== 'Deleting' && phase !== 'Deleted';
}
