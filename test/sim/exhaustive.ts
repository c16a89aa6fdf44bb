import { modesOf } from './calls.ts';
import type { CallId, Fault, Mode } from './faults.ts';
import { type Plan, plannedFault, type PlannedFault } from './plan.ts';
import type { Scenario } from './scenarios.ts';

/** Long enough to land after a teardown, or after another controller has taken over; and within a lease, too. */
const LATE_MS = [60_000, 600_000] as const;
const STALL_MS = [5_000, 300_000] as const;
const STALE_MS = 20_000;

/** What goes on all the time, whatever happens to a preview: one of these calls is like the next one. */
const BACKGROUND =
  /streams\.|dynamodb\.|coordination\.(get|put)|previews\.query|events\.|elbv2\.describeTargetGroups#|listServices|listTaskDefinitionFamilies|listSchedules/;
const BACKGROUND_TOLD = 3;

/** Of the calls that go on all the time, only the first few: the rest meets the same world. */
export function telling(asked: readonly CallId[]): CallId[] {
  return asked.filter(({ name, n }) => !BACKGROUND.test(name) || n <= BACKGROUND_TOLD);
}

const LASTING: Partial<Record<Mode, readonly number[]>> = {
  late: LATE_MS,
  stall: STALL_MS,
  stale: [STALE_MS],
};

function variants(mode: Mode): Fault[] {
  return LASTING[mode]?.map((ms) => ({ mode, ms })) ?? [{ mode }];
}

/** Every telling call of a fault-free run with every fault that can happen to it. */
export function singles(scenario: Scenario, asked: readonly CallId[]): Plan[] {
  return telling(asked).flatMap((call) =>
    modesOf(call)
      .flatMap(variants)
      .map((fault) => ({ scenario: scenario.name, faults: [plannedFault(call, fault)] })),
  );
}

/** For pairs, one of each kind that differs in what it leaves behind: nothing, an effect unseen, a death, a zombie. */
function pairModes(call: CallId): Fault[] {
  return call.mutates
    ? [
        { mode: 'error_before' },
        { mode: 'error_after' },
        { mode: 'crash_before' },
        { mode: 'crash_after' },
        { mode: 'late', ms: 60_000 },
      ]
    : [{ mode: 'error_before' }];
}

/** How often a read is told in pairs: what it finds the third time it has found before. */
const READS_PAIRED = 2;

/** Every two faults, the earlier call first; of each kind of read, the first two calls. */
export function pairs(scenario: Scenario, asked: readonly CallId[]): Plan[] {
  const each: PlannedFault[][] = telling(asked)
    .filter(({ mutates, n }) => mutates || n <= READS_PAIRED)
    .map((call) => pairModes(call).map((fault) => plannedFault(call, fault)));
  const plans: Plan[] = [];
  for (const [n, first] of each.entries()) {
    for (const second of each.slice(n + 1)) {
      for (const a of first) for (const b of second) plans.push({ scenario: scenario.name, faults: [a, b] });
    }
  }
  return plans;
}
