import { toSeconds } from '../platform/clock.ts';
import { type Finding, withCondition } from '../preview/conditions.ts';
import type { ResourceTrace, Status } from '../preview/record.ts';

/** The status as one pass will write it: what was read, plus what the pass has found and done since. */
export class StatusDraft {
  readonly at: string;
  #status: Status;

  constructor(status: Status, now: Date) {
    this.at = toSeconds(now);
    this.#status = status;
  }

  get status(): Status {
    return this.#status;
  }

  set(fields: Partial<Status>): void {
    this.#status = { ...this.#status, ...fields };
  }

  unset(...fields: (keyof Status)[]): void {
    this.#status = Object.fromEntries(
      Object.entries(this.#status).filter(([field]) => !fields.some((name) => name === field)),
    ) as unknown as Status;
  }

  find(finding: Finding): void {
    this.set({ conditions: withCondition(this.#status.conditions, finding, this.at) });
  }

  /** Notes that these resources are about to be created, before any of them is. */
  intend(keys: readonly string[]): void {
    for (const key of keys) this.#trace(key, {});
  }

  /** The resource is there: created by this pass, or found from an earlier one that died before it could say so. */
  present(key: string): void {
    this.#trace(key, { created_at: this.#status.resources[key]?.created_at ?? this.at });
  }

  /** The resource has been told to go. */
  deleted(key: string): void {
    this.present(key);
    this.#trace(key, { deleted_at: this.#status.resources[key]?.deleted_at ?? this.at });
  }

  /** Every resource has been seen absent for good: closes the receipt. */
  absent(): void {
    for (const [key, trace] of Object.entries(this.#status.resources)) {
      const deleted_at = trace.deleted_at ?? (trace.created_at === undefined ? undefined : this.at);
      this.#trace(key, { ...(deleted_at === undefined ? {} : { deleted_at }), absent_at: this.at });
    }
  }

  #trace(key: string, fields: ResourceTrace): void {
    const resources = { ...this.#status.resources, [key]: { ...this.#status.resources[key], ...fields } };
    this.set({ resources });
  }
}
