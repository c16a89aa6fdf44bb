import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { type Plan, parsePlan } from './plan.ts';

const entrySchema = z.strictObject({
  /** What was wrong, in a sentence. */
  was: z.string(),
  plan: z.record(z.string(), z.unknown()),
});

/** Every plan that once broke an invariant: corpus.json, in the order in which they were fixed. */
export function corpus(): Plan[] {
  const text = readFileSync(new URL('corpus.json', import.meta.url), 'utf8');
  const entries = z.array(entrySchema).parse(JSON.parse(text));
  return entries.map(({ plan }) => parsePlan(JSON.stringify(plan)));
}
