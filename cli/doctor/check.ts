import type { Clock } from '../../platform/clock.ts';
import { fail, type Finding } from './finding.ts';

/** One thing that doctor looks at. It changes nothing. */
export interface Check {
  name: string;
  /** Looks, and judges what it saw: a finding for each thing that is wrong, else one that says so. */
  look: () => Promise<Finding[]>;
  /** What it means that it could not look; undefined for what nobody has foreseen. */
  explain?: (error: unknown) => Finding | undefined;
}

export interface Verdict extends Finding {
  check: string;
}

/** Longer than any single call may take, with its retry. */
const PATIENCE_MS = 20_000;

/** Makes all checks at once, each whatever becomes of the others; answers in their order. */
export async function runChecks(checks: readonly Check[], clock: Clock): Promise<Verdict[]> {
  const found = await Promise.all(checks.map((check) => examine(check, clock)));
  return checks.flatMap(({ name }, n) => (found[n] ?? []).map((finding) => ({ check: name, ...finding })));
}

async function examine({ look, explain }: Check, clock: Clock): Promise<Finding[]> {
  const late = Promise.withResolvers<Finding[]>();
  const cancel = clock.after(PATIENCE_MS, () => late.resolve([tooLate]));
  try {
    return await Promise.race([look(), late.promise]);
  } catch (error) {
    return [explain?.(error) ?? defect(error)];
  } finally {
    cancel();
  }
}

const tooLate = fail(`no answer within ${PATIENCE_MS / 1000} s`, {
  means: 'Every call was answered late, or there were too many of them to make.',
  fix: 'try again; when it stays so, look at the network between this machine and AWS',
});

function defect(error: unknown): Finding {
  const { message, stack } = error instanceof Error ? error : { message: String(error), stack: undefined };
  return fail(`this check is broken: ${message}`, {
    means: 'This is a defect of tempus doctor, and says nothing about the install.',
    fix: 'report it, with what tempus doctor -o json says',
    facts: { stack: stack ?? null },
  });
}

/** The same answer for all who ask, and one call for it. */
export function once<T>(read: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined;
  return () => (answer ??= read());
}
