import type { Plan } from './plan.ts';
import type { Violation } from './safety.ts';
import type { Outcome } from './trial.ts';

export interface Failure {
  plan: Plan;
  violation: Violation;
}

/** What many runs came to; plain data, so that it travels between threads. */
export interface Tally {
  runs: number;
  events: number;
  virtual_ms: number;
  failures: Failure[];
  /** role/service.call mode → how often it fired. */
  fired: Record<string, number>;
  /** Calls that were made at all, and whether they change anything. */
  called: Record<string, number>;
  /** Things that have to happen somewhere for the runs to mean anything. */
  marks: Record<string, number>;
}

export function emptyTally(): Tally {
  return { runs: 0, events: 0, virtual_ms: 0, failures: [], fired: {}, called: {}, marks: {} };
}

/** Enough to see what is wrong; a defect in the product fails thousands. */
const FAILURES_KEPT = 50;

function add(counts: Record<string, number>, key: string, n = 1): void {
  counts[key] = (counts[key] ?? 0) + n;
}

export function count(tally: Tally, plan: Plan, outcome: Outcome): void {
  tally.runs += 1;
  tally.events += outcome.events;
  tally.virtual_ms += outcome.took_ms;
  for (const { key, mode } of outcome.fired) add(tally.fired, `${key.replace(/#\d+$/, '')} ${mode}`);
  for (const [name, n] of outcome.counts) add(tally.called, name, n);
  for (const mark of outcome.marks) add(tally.marks, mark);
  if (outcome.violation && tally.failures.length < FAILURES_KEPT) {
    tally.failures.push({ plan, violation: outcome.violation });
  }
}

export function merge(into: Tally, other: Tally): void {
  into.runs += other.runs;
  into.events += other.events;
  into.virtual_ms += other.virtual_ms;
  into.failures.push(...other.failures.slice(0, FAILURES_KEPT - into.failures.length));
  for (const kind of ['fired', 'called', 'marks'] as const) {
    for (const [key, n] of Object.entries(other[kind])) add(into[kind], key, n);
  }
}
