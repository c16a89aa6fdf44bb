import type { Phase, PreviewRow } from '../preview/record.ts';

/** What one complete list of the live records tells about the install. */
export class Survey {
  readonly #now: Date;
  readonly phases = new Map<Phase, number>();
  /** Slots that records say they hold, by load balancer. */
  readonly slots = new Map<string, number>();
  /** How long the most overdue record has outlived its time, in seconds. */
  overdue_s = 0;

  constructor(now: Date) {
    this.#now = now;
  }

  add({ phase, status: { slot }, expires_at }: PreviewRow): void {
    this.phases.set(phase, (this.phases.get(phase) ?? 0) + 1);
    if (slot) this.slots.set(slot.alb, (this.slots.get(slot.alb) ?? 0) + 1);
    const overdue = (this.#now.getTime() - Date.parse(expires_at)) / 1000;
    // A hand can have stored an expiry that is no time: NaN is greater than nothing.
    if (overdue > this.overdue_s) this.overdue_s = overdue;
  }
}
