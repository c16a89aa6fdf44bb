import type { Mutant } from './mutate.ts';
import type { Plan } from './plan.ts';

/** A defect, and the runs that have to notice it. */
export interface Suspect extends Mutant {
  /** Runs that are made to notice it; the budget of seeds comes after them. */
  plans?: Plan[];
}

/** How many seeds each defect has before it counts as alive. */
export const SEED_BUDGET = 150;

export const late = (call: string, ms = 600_000): Plan => ({
  scenario: 'shortest-life',
  faults: [[call, 'late', ms]],
});

export const MUTANTS: readonly Suspect[] = [
  {
    name: 'the record is closed before anything is proven absent',
    file: 'reconcilers/teardown.ts',
    find: "if (outcome === 'absent') return sighted(begun, work, writer, deps);",
    replace: 'return close(begun, work, deps);',
  },
  {
    name: 'one sighting of absence is enough',
    file: 'reconcilers/teardown.ts',
    find: 'seenFor >= config.absence_grace_ms',
    replace: 'true',
  },
];
