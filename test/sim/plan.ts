import * as z from 'zod';
import { type Fault, keyOf, MODES } from './faults.ts';
import type { Fired } from './calls.ts';

const faultSchema = z.union([
  z.tuple([z.string(), z.enum(MODES)]),
  z.tuple([z.string(), z.enum(MODES), z.number()]),
]);

const planSchema = z.union([
  z.strictObject({ scenario: z.string(), faults: z.array(faultSchema) }),
  z.strictObject({
    seed: z.string(),
    /** Absent: the faults that the seed draws. */
    faults: z.array(faultSchema).optional(),
    /** Which of the drawn steps and ambient faults happen, by number; absent: all of them. */
    steps: z.array(z.int()).optional(),
    ambient: z.array(z.int()).optional(),
    /** false: nobody hears ECS's events, whatever the seed draws. */
    observe: z.literal(false).optional(),
  }),
]);

/** Everything that has to be said to see a run again: the unit that shrinks. */
export type Plan = z.output<typeof planSchema>;
export type PlannedFault = z.output<typeof faultSchema>;

/** Reads what `--replay` was given. Throws with what is wrong about it. */
export function parsePlan(text: string): Plan {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error('the plan is not JSON; copy the whole of it, in single quotes', { cause: error });
  }
  const parsed = planSchema.safeParse(value);
  if (!parsed.success) throw new Error(`the plan is wrong: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

export function printPlan(plan: Plan): string {
  return JSON.stringify(plan);
}

export function mapOf(faults: readonly PlannedFault[]): Map<string, Fault> {
  return new Map(faults.map(([key, mode, ms]) => [key, { mode, ...(ms === undefined ? {} : { ms }) }]));
}

/** The faults that have fired, as a plan that fires them again. */
export function planOf(fired: readonly Fired[]): PlannedFault[] {
  return fired.map(({ key, mode, ms }) => (ms === undefined ? [key, mode] : [key, mode, ms]));
}

export function plannedFault(call: { name: string; n: number }, { mode, ms }: Fault): PlannedFault {
  return ms === undefined ? [keyOf(call), mode] : [keyOf(call), mode, ms];
}
