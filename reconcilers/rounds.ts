import { classify, type Fault } from '../aws/errors.ts';
import type { Finding } from '../preview/conditions.ts';
import type { ConditionType } from '../preview/record.ts';
import { done, type Outcome } from './outcome.ts';
import type { Ensuring } from './pass.ts';

export interface Step {
  /** The condition that a wait or a fault in this step makes False. */
  condition: ConditionType;
  ensure: (pass: Ensuring) => Promise<Outcome>;
  /** What is proven once the step is done. */
  proves?: Finding;
}

/** Steps that do not need each other: they run at one time, and all end before the next round begins. */
export type Round = readonly Step[];

type Ended = { condition: ConditionType; outcome: Outcome } | { condition: ConditionType; fault: Fault };

/** Runs round after round until a step has to wait, is rejected, or fails: of several in a round the first one speaks. */
export async function runRounds(pass: Ensuring, rounds: readonly Round[]): Promise<Ended> {
  for (const round of rounds) {
    // Each ends truly, also where another one fails: nothing of a pass may go on after it.
    const ended = await Promise.all(round.map((step) => ensureStep(pass, step)));
    const first = ended.find((one) => 'fault' in one || one.outcome.kind !== 'done');
    if (first) return first;
  }
  return { condition: 'Ready', outcome: done };
}

async function ensureStep(pass: Ensuring, { condition, ensure: run, proves }: Step): Promise<Ended> {
  try {
    const outcome = await run(pass);
    if (outcome.kind === 'done' && proves) pass.draft.find(proves);
    return { condition, outcome };
  } catch (error) {
    pass.log.debug({ err: error, step: run.name }, 'step failed');
    return { condition, fault: classify(error) };
  }
}
