import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { type Coordination, type LeaseRow, NOBODY } from '../preview/coordination.ts';
import { within } from './within.ts';

export interface LeaseTimes {
  /** A lease that has not moved for this long, by the watcher's own clock, is over. */
  leaseMs: number;
  renewMs: number;
  /** How often a standby looks. Takeover takes at most leaseMs + retryMs after the last renewal. */
  retryMs: number;
}

export interface LeaseDeps {
  coordination: Coordination;
  clock: Clock;
  log: Log;
  /** Unique per process start: a row with this holder was written by this very process. */
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
/**
 * The holder stops this much earlier than a watcher may take over, so that clocks whose rates differ by up to 10 % in
 * either direction still leave a gap between two holders: 0.8 ÷ 0.9 is less than 1 ÷ 1.1.
 */
const SAFETY = 0.8;

/** A mutating call was about to be made after the tenure had ended. */
export class NotLeaderError extends Error {
  override name = 'NotLeaderError';
}

/** One unbroken time of holding the lease. Once `until` has passed, or somebody else holds the row, it is never revived. */
interface Tenure {
  row: LeaseRow;
  until: number;
}

/**
 * The leader lease. It saves calls; safety comes from names, tags and conditions. Expiry is judged by when this process
 * last saw the row move, never by comparing clocks of two hosts.
 */
export class LeaderLease {
  readonly #deps: LeaseDeps;
  readonly #times: LeaseTimes;
  #tenure: Tenure | undefined;
  #turnedAt: number;
  #heardAt: number | undefined;

  constructor(deps: LeaseDeps) {
    this.#deps = deps;
    this.#times = deps.times ?? TIMES;
    this.#turnedAt = deps.clock.monotonic();
    const { leaseMs, renewMs } = this.#times;
    if (renewMs * 2 > leaseMs * SAFETY) throw new Error('renewMs must let two renewals fit into leaseMs');
  }

  get isHeld(): boolean {
    return this.#tenure !== undefined && this.#deps.clock.monotonic() < this.#tenure.until;
  }

  /** The stored counter of the lease while it is held: higher than that of every leader before. */
  get tenure(): number | undefined {
    return this.isHeld ? this.#tenure?.row.tenure : undefined;
  }

  /** Milliseconds since the loop that acquires and renews last came round, whatever its calls answered. */
  get stuckMs(): number {
    return this.#deps.clock.monotonic() - this.#turnedAt;
  }

  /** Milliseconds since the lease was last read or written with an answer; undefined before the first. */
  get silentMs(): number | undefined {
    return this.#heardAt === undefined ? undefined : this.#deps.clock.monotonic() - this.#heardAt;
  }

  /** Throws NotLeaderError once the tenure may be over. To be called before every mutation. */
  assertHeld(): void {
    if (!this.isHeld) throw new NotLeaderError('this controller no longer holds the leader lease');
  }

  /**
   * Waits for the lease, runs `lead` while it is held, and again after every loss, until `signal` aborts. The signal
   * that `lead` gets aborts when the tenure is over or should end. While `lead` winds up the lease is still renewed, so
   * that what it has begun may finish; when it has returned, the lease is given back.
   */
  async run(lead: (tenure: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    const { log, owner } = this.#deps;
    while (!signal.aborted) {
      const tenure = await this.#acquire(signal);
      if (!tenure) return;
      this.#tenure = tenure;
      log.info({ owner, tenure: tenure.row.tenure }, 'became leader');
      const lost = new AbortController();
      const ended = new AbortController();
      const renewing = this.#renew(tenure, lost, ended.signal);
      try {
        await lead(AbortSignal.any([signal, lost.signal]));
      } finally {
        ended.abort();
        await renewing;
        await this.#release();
      }
    }
  }

  async #acquire(signal: AbortSignal): Promise<Tenure | undefined> {
    const { coordination, clock, log, owner, home } = this.#deps;
    const { leaseMs, retryMs } = this.#times;
    let seen: LeaseRow | undefined;
    let seenAt = clock.monotonic();
    while (!signal.aborted) {
      this.#turnedAt = clock.monotonic();
      try {
        const row = await coordination.readLease(NAME);
        const asked = this.#heard();
        // From when the answer came, not from when it was asked for: a slow answer is no reason to take over sooner.
        if (row?.holder !== seen?.holder || row?.tenure !== seen?.tenure) [seen, seenAt] = [row, asked];
        if (this.#isFree(row) || asked - seenAt >= leaseMs) {
          const taken = await coordination.takeLease(
            NAME,
            home === undefined ? { holder: owner } : { holder: owner, home },
            row,
          );
          if (taken) return { row: taken, until: asked + leaseMs * SAFETY };
        }
      } catch (error) {
        log.warn({ err: error }, 'could not read the leader lease');
      }
      await clock.sleep(retryMs, signal);
    }
    return undefined;
  }

  /** Free, or held by nobody but this process: a lost answer may have hidden that it took it, and it does not lead now. */
  #isFree(row: LeaseRow | undefined): boolean {
    const { owner, home } = this.#deps;
    if (!row || row.holder === NOBODY || row.holder === owner) return true;
    return row.home !== undefined && row.home === home;
  }

  /** Renews until `ended`, or aborts `lost` at the moment when the tenure is over, whatever a call is waiting for. */
  async #renew(tenure: Tenure, lost: AbortController, ended: AbortSignal): Promise<void> {
    const { clock, log, owner } = this.#deps;
    const left = () => tenure.until - clock.monotonic();
    while (left() > 0) {
      this.#turnedAt = clock.monotonic();
      await clock.sleep(Math.min(this.#times.renewMs, left()), ended);
      if (ended.aborted) return;
      if (left() > 0) await within(this.#renewOnce(tenure), left(), clock);
    }
    this.#tenure = undefined;
    log.warn({ owner }, 'lost the leader lease');
    lost.abort();
  }

  /** The tenure counts from before the request was sent: a watcher may have seen the row move at any moment since. */
  async #renewOnce(tenure: Tenure): Promise<void> {
    const { coordination, clock, log, owner } = this.#deps;
    try {
      let asked = clock.monotonic();
      let renewed = await coordination.renewLease(NAME, tenure.row);
      if (!renewed) {
        // An earlier renewal whose answer never came may have moved the row. Only this process writes it with this
        // holder, so if it is still there nobody else has led in between.
        const stored = await coordination.readLease(NAME);
        asked = clock.monotonic();
        if (stored?.holder === owner) renewed = await coordination.renewLease(NAME, stored);
      }
      this.#heard();
      if (renewed) tenure.row = renewed;
      tenure.until = renewed ? asked + this.#times.leaseMs * SAFETY : 0;
    } catch (error) {
      log.warn({ err: error }, 'could not renew the leader lease');
    }
  }

  #heard(): number {
    this.#heardAt = this.#deps.clock.monotonic();
    return this.#heardAt;
  }

  /** Refuses mutations from here on, then lets a standby in. A renewal that is still on its way can move the row once. */
  async #release(): Promise<void> {
    const { coordination, log, owner } = this.#deps;
    const row = this.#tenure?.row;
    this.#tenure = undefined;
    if (!row) return;
    try {
      if (await coordination.releaseLease(NAME, row)) return;
      const stored = await coordination.readLease(NAME);
      if (stored?.holder === owner) await coordination.releaseLease(NAME, stored);
    } catch (error) {
      log.warn({ err: error }, 'could not release the leader lease');
    }
  }
}
