import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Coordination, LeaseRow } from '../preview/coordination.ts';

export interface LeaseTimes {
  /** A tenure that has not moved for this long, by the watcher's own clock, is over. */
  leaseMs: number;
  renewMs: number;
  /** How often a standby looks. Takeover takes at most leaseMs + retryMs. */
  retryMs: number;
}

export interface LeaseDeps {
  coordination: Coordination;
  clock: Clock;
  log: Log;
  /** Unique per process start. */
  owner: string;
  /**
   * Host and state folder, where only one process can run at a time: a lease from the same home belongs to a dead
   * predecessor and is not waited out. Absent where that is not guaranteed.
   */
  home?: string;
  times?: LeaseTimes;
}

const NAME = 'leader';
/** Takeover within 12 s. Several renewals fit into one lease, so that one lost answer costs nothing. */
const TIMES: LeaseTimes = { leaseMs: 10_000, renewMs: 2_500, retryMs: 2_000 };
/** The holder stops earlier than a watcher may take over: their clocks need not run at quite the same rate. */
const SAFETY = 0.8;

/** A mutating call was about to be made after the tenure had ended. */
export class NotLeaderError extends Error {
  override name = 'NotLeaderError';
}

/**
 * The leader lease. It saves calls; safety comes from names, tags and conditions. Expiry is judged by when this process
 * last saw the row move, never by comparing clocks of two hosts.
 */
export class LeaderLease {
  readonly #deps: LeaseDeps;
  readonly #times: LeaseTimes;
  #held: LeaseRow | undefined;
  #heldUntil = 0;

  constructor(deps: LeaseDeps) {
    this.#deps = deps;
    this.#times = deps.times ?? TIMES;
    const { leaseMs, renewMs } = this.#times;
    if (renewMs * 3 > leaseMs * SAFETY * 1.5)
      throw new Error('renewMs must let several renewals fit into leaseMs');
  }

  get isHeld(): boolean {
    return this.#held !== undefined && this.#deps.clock.monotonic() < this.#heldUntil;
  }

  /** Throws NotLeaderError once the tenure may be over. To be called before every mutation. */
  assertHeld(): void {
    if (!this.isHeld) throw new NotLeaderError('this controller no longer holds the leader lease');
  }

  /**
   * Waits for the lease, runs `lead` while it is held, and again after every loss, until `signal` aborts. The signal
   * that `lead` gets aborts when the tenure ends; the lease is given back when `lead` has returned.
   */
  async run(lead: (tenure: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (!(await this.#acquire(signal))) return;
      this.#deps.log.info({ owner: this.#deps.owner, tenure: this.#held?.tenure }, 'became leader');
      const lost = new AbortController();
      const ended = new AbortController();
      const renewing = this.#renew(lost, ended.signal);
      try {
        await lead(AbortSignal.any([signal, lost.signal]));
      } finally {
        ended.abort();
        await renewing;
        await this.#release();
      }
    }
  }

  async #acquire(signal: AbortSignal): Promise<boolean> {
    const { coordination, clock, log, owner, home } = this.#deps;
    const mine = { holder: owner, ...(home === undefined ? {} : { home }) };
    let seen: LeaseRow | undefined;
    let seenAt = clock.monotonic();
    while (!signal.aborted) {
      try {
        const asked = clock.monotonic();
        const row = await coordination.readLease(NAME);
        if (row?.holder !== seen?.holder || row?.tenure !== seen?.tenure) [seen, seenAt] = [row, asked];
        const predecessor = row?.home !== undefined && row.home === home;
        const over = asked - seenAt >= this.#times.leaseMs;
        if (!row || row.holder === '-' || predecessor || over) {
          const taken = await coordination.takeLease(NAME, mine, row);
          if (taken) {
            this.#hold(taken, asked);
            return true;
          }
        }
      } catch (error) {
        log.warn({ err: error }, 'could not read the leader lease');
      }
      await clock.sleep(this.#times.retryMs, signal);
    }
    return false;
  }

  /** Held from before the request was sent: the row may have moved at any moment since. */
  #hold(row: LeaseRow, asked: number): void {
    this.#held = row;
    this.#heldUntil = asked + this.#times.leaseMs * SAFETY;
  }

  async #renew(lost: AbortController, ended: AbortSignal): Promise<void> {
    const { coordination, clock, log } = this.#deps;
    while (!ended.aborted) {
      await clock.sleep(this.#times.renewMs, ended);
      if (ended.aborted || !this.#held) return;
      const asked = clock.monotonic();
      try {
        const renewed = await coordination.renewLease(NAME, this.#held);
        if (renewed) this.#hold(renewed, asked);
        else this.#held = undefined;
      } catch (error) {
        // An answer that never came may have been a success: then the stored tenure is ahead of ours, and the next
        // renewal fails and ends this tenure. That costs a takeover, never two leaders.
        log.warn({ err: error }, 'could not renew the leader lease');
      }
      if (!this.isHeld) {
        log.warn({ owner: this.#deps.owner }, 'lost the leader lease');
        this.#held = undefined;
        lost.abort();
        return;
      }
    }
  }

  async #release(): Promise<void> {
    const held = this.#held;
    this.#held = undefined;
    if (!held) return;
    try {
      await this.#deps.coordination.releaseLease(NAME, held);
    } catch (error) {
      this.#deps.log.warn({ err: error }, 'could not release the leader lease');
    }
  }
}
