import { modesOf } from './calls.ts';
import type { Tally } from './tally.ts';

export interface Coverage {
  /** How many kinds of call and mode have fired. */
  fired: number;
  /** Those that could have, and never did. */
  never: string[];
  marks: string[];
}

const READS = /\.(describe|list|get|filter|query|probe)/;
/** The services whose reads may be old. */
const STALE = /\/((ecs|elbv2|scheduler)\.(?!describeTargetHealth)|previews\.query)/;
/** A call that was made less often than this had no chance. */
const CHANCES = 2_000;

/** Which faults met which calls. A cell counts as empty only where the call was made often enough to be hit. */
export function coverageOf(tally: Tally): Coverage {
  const could = Object.entries(tally.called).flatMap(([name, n]) => {
    if (n < CHANCES) return [];
    const mutates = !READS.test(name);
    const canBeStale = !mutates && STALE.test(name);
    return modesOf({ mutates, canBeStale }).map((mode) => `${name} ${mode}`);
  });
  return {
    fired: Object.keys(tally.fired).length,
    never: could.filter((cell) => !(cell in tally.fired)),
    marks: Object.entries(tally.marks)
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([mark, n]) => `${mark} (${n})`),
  };
}
