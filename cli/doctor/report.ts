import type { Verdict } from './check.ts';

/** A line a check; then of each that wants something done what it means and what to do. */
export function reportLines(verdicts: readonly Verdict[]): string[] {
  const width = Math.max(...verdicts.map(({ check }) => check.length));
  const lines = verdicts.map(
    ({ state, check, finding }) => `${state.padEnd(7)}  ${check.padEnd(width)}  ${finding}`,
  );
  const advice = verdicts.filter(({ fix }) => fix !== undefined);
  return [
    ...lines,
    ...advice.flatMap(({ state, check, finding, means, fix }) => [
      '',
      `${state}: ${check}: ${finding}`,
      ...(means === undefined ? [] : [`  means: ${means}`]),
      `  fix:   ${fix}`,
    ]),
    '',
    summary(verdicts),
  ];
}

/** For programs: every check has every field. */
export function reportJson(verdicts: readonly Verdict[]): string {
  const checks = verdicts.map(({ check, state, finding, means = null, fix = null, facts = {} }) => {
    return { check, state, finding, means, fix, facts };
  });
  return JSON.stringify({ ok: verdicts.every(({ state }) => state !== 'fail'), checks }, undefined, 2);
}

function summary(verdicts: readonly Verdict[]): string {
  const count = (state: Verdict['state']) => verdicts.filter((one) => one.state === state).length;
  return `${count('ok')} ok, ${count('warn')} to look at, ${count('fail')} failed, ${count('skipped')} skipped.`;
}
