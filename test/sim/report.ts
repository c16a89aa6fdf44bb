import { print } from '../../platform/terminal.ts';
import { coverageOf } from './coverage.ts';
import { printPlan } from './plan.ts';
import { runPlan } from './run.ts';
import { shrink } from './shrink.ts';
import type { Failure, Tally } from './tally.ts';
import { timeline } from './timeline.ts';

export interface Result {
  tally: Tally;
  /** Plans that did not run twice alike. */
  unlike: string[];
  seconds: number;
  plans: number;
  json: boolean;
  replay: boolean;
}

const SHRUNK = 3;

/** Prints what came of the runs; answers the exit code: 0 only when nothing was violated. */
export async function report({ tally, unlike, seconds, plans, json, replay }: Result): Promise<number> {
  const failures: Failure[] = [];
  for (const failure of different(tally.failures).slice(0, SHRUNK)) {
    const plan = replay ? failure.plan : await shrink(failure.plan, runPlan);
    failures.push({ plan, violation: (await runPlan(plan)).violation ?? failure.violation });
  }
  const failed = tally.failures.length > 0 || unlike.length > 0;
  const figures = {
    runs: tally.runs,
    planned: plans,
    violations: tally.failures.length,
    runs_per_second: Math.round((tally.runs / seconds) * 10) / 10,
    simulated_hours_per_second: Math.round((tally.virtual_ms / 3_600_000 / seconds) * 10) / 10,
    seconds: Math.round(seconds * 10) / 10,
  };
  const coverage = coverageOf(tally);
  if (json) {
    print(
      JSON.stringify({
        ...figures,
        coverage,
        unlike,
        failures: failures.map(({ plan, violation }) => ({ plan: printPlan(plan), violation })),
      }),
    );
    return failed ? 1 : 0;
  }
  for (const { plan, violation } of failures) {
    const { invariant, message, at, detail } = violation;
    print(`\n${invariant} violated after ${(at / 60_000).toFixed(1)} min: ${message}`);
    print(`  ${JSON.stringify(detail)}`);
    for (const line of await timeline(plan)) print(`  ${line}`);
    print(`  npm run sim -- --replay '${printPlan(plan)}'`);
  }
  for (const line of unlike) print(line);
  print(
    `${figures.runs} runs of ${plans}, ${figures.violations} violations, ` +
      `${figures.runs_per_second} runs/s, ${figures.simulated_hours_per_second} simulated hours/s, ${figures.seconds} s`,
  );
  print(
    `faults fired: ${coverage.fired} kinds of call and mode; never fired: ${coverage.never.join(', ') || 'none'}`,
  );
  print(`seen: ${coverage.marks.join(', ')}`);
  return failed ? 1 : 0;
}

/** One of each kind of failure: the same defect fails many runs. */
function different(failures: readonly Failure[]): Failure[] {
  const kinds = new Map<string, Failure>();
  for (const failure of failures) {
    const { invariant, message, detail } = failure.violation;
    const kind = `${invariant} ${message} ${JSON.stringify(detail).replaceAll(/[0-9a-f]{8}|\d+/g, '')}`;
    if (!kinds.has(kind)) kinds.set(kind, failure);
  }
  return [...kinds.values()];
}
