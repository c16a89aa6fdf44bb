import { canonicalJson } from '../preview/spec.ts';

/** A read is taken to be at most this old: docs/failure-modes.md. */
const READS_LAG_MS = 20_000;

interface Made {
  /** What was asked for, as text. */
  asked: string;
  at: number;
  /** Of what came of it. */
  arn: string;
}

/**
 * What this leader has made a moment ago, where AWS's reads may not show it yet and where asking again would not be the
 * same thing once more: another revision, another deployment. It only saves those, as absences save sightings; a new leader
 * begins with nothing in mind, and whatever is made twice is found and taken away with the rest.
 */
export class Recent {
  readonly #made = new Map<string, Made>();

  /** At `now`, `arn` was made for `uid` because of `asked`; of each kind only the last is remembered. */
  note(uid: string, kind: 'revision' | 'deployment', asked: unknown, arn: string, now: number): void {
    this.#made.set(`${kind} ${uid}`, { asked: canonicalJson(asked), at: now, arn });
  }

  /** What came of the same a moment ago; undefined where it was something else, or long enough ago for reads to show it. */
  find(uid: string, kind: 'revision' | 'deployment', asked: unknown, now: number): string | undefined {
    const made = this.#made.get(`${kind} ${uid}`);
    return made && now - made.at < READS_LAG_MS && made.asked === canonicalJson(asked) ? made.arn : undefined;
  }

  /** The preview is on its way out: nothing of it is made any more. */
  close(uid: string): void {
    this.#made.delete(`revision ${uid}`);
    this.#made.delete(`deployment ${uid}`);
  }
}
