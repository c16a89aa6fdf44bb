/** How a check has come out: `skipped` was not looked at, and says why. */
export type State = 'ok' | 'warn' | 'fail' | 'skipped';

export type Facts = Readonly<Record<string, unknown>>;

/** What a check has found, in a line for people; what it means and how to change it, where there is anything to do. */
export interface Finding {
  state: State;
  finding: string;
  means?: string;
  /** A command that works, or what to do by hand. */
  fix?: string;
  /** What the judgement rests on. */
  facts?: Facts;
}

export interface Advice {
  means: string;
  fix: string;
  facts?: Facts;
}

export function ok(finding: string, facts?: Facts): Finding {
  return { state: 'ok', finding, ...(facts ? { facts } : {}) };
}

export function skipped(finding: string, advice: Partial<Advice> = {}): Finding {
  return { state: 'skipped', finding, ...advice };
}

export function warn(finding: string, advice: Advice): Finding {
  return { state: 'warn', finding, ...advice };
}

export function fail(finding: string, advice: Advice): Finding {
  return { state: 'fail', finding, ...advice };
}

/** Nothing wrong with it is one line; each thing that is wrong is a line of its own. */
export function orElse(found: readonly Finding[], fine: Finding): Finding[] {
  return found.length > 0 ? [...found] : [fine];
}
