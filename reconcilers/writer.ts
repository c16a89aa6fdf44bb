import type { Fault } from '../aws/errors.ts';
import { advance } from '../preview/phases.ts';
import type { Deletion, Phase, PreviewRow } from '../preview/record.ts';
import type { StatusWrite } from '../preview/store.ts';
import type { PassResult } from './outcome.ts';
import type { ReconcilerDeps } from './pass.ts';
import type { StatusDraft } from './status-draft.ts';

export const CONFLICT: Fault = {
  kind: 'conflict',
  reason: 'Conflict',
  message: 'the record was written by someone else during the pass',
};

const lost: PassResult = { kind: 'fault', fault: CONFLICT };

/**
 * The two writes of a pass: the intents before its first mutation, the outcome at its end. Both rest on the record as
 * it was read; when it has moved in between, the pass ends as a conflict and the next one reads anew.
 */
export class Writer {
  #row: PreviewRow;
  readonly #draft: StatusDraft;
  readonly #expiresAt: string;
  readonly #deps: ReconcilerDeps;

  constructor(row: PreviewRow, draft: StatusDraft, expiresAt: string, deps: ReconcilerDeps) {
    this.#row = row;
    this.#draft = draft;
    this.#expiresAt = expiresAt;
    this.#deps = deps;
  }

  /** Writes what the pass is about to do; answers the row to go on with, or undefined on a conflict. */
  async begin(phase: Phase, deletion?: Deletion): Promise<PreviewRow | undefined> {
    return (await this.#write(this.#advance(phase), deletion ? { deletion } : {})) ? this.#row : undefined;
  }

  /** Writes the outcome of a pass and says when to look again: in `ms`, and in any case when `end` comes. */
  async end(phase: Phase, end: string, ms: number, reason: string): Promise<PassResult> {
    const half = this.#advance(phase);
    const passesThrough = half !== phase && half !== this.#row.phase;
    // On the way there only the phase moves: the status of what is not reached yet would be a lie.
    if (passesThrough && !(await this.#write(half, { status: this.#row.status }))) return lost;
    if (!(await this.#write(this.#advance(phase)))) return lost;
    const untilEnd = Math.max(0, new Date(end).getTime() - this.#deps.clock.now().getTime());
    return { kind: 'again', ms: Math.min(ms, untilEnd), reason };
  }

  /** Writes what the pass got done before a call failed, and hands the fault on. */
  async fault(phase: Phase, fault: Fault): Promise<PassResult> {
    const written = await this.#write(this.#advance(phase));
    return { kind: 'fault', fault: written ? fault : CONFLICT };
  }

  /**
   * A hand may have claimed that a preview was Ready which never was: then it is still being provisioned. Or the other
   * way round: what was Ready once is Degraded, whatever earlier phase somebody has written on it.
   */
  #advance(to: Phase): Phase {
    const { phase, status } = this.#row;
    const late = phase === 'Ready' || phase === 'Updating' || phase === 'Degraded';
    const early = phase === 'Pending' || phase === 'Provisioning' || phase === 'Failed';
    const once = status.ready_at !== undefined;
    const never = !once && this.#draft.status.ready_at === undefined;
    const from = late && never ? 'Provisioning' : early && once ? 'Degraded' : phase;
    return advance(from, to);
  }

  async #write(phase: Phase, fields: Partial<StatusWrite> = {}): Promise<boolean> {
    const { store, log } = this.#deps;
    const next = await store.writeStatus(this.#row, {
      phase,
      status: this.#draft.status,
      expires_at: this.#expiresAt,
      ...fields,
    });
    if (!next) return false;
    if (next.phase !== this.#row.phase)
      log.info({ from: this.#row.phase, phase: next.phase }, 'phase changed');
    this.#row = next;
    return true;
  }
}
