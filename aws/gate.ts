import type { Clock } from '../platform/clock.ts';
import { accepted, type Bucket, fullBucket, readyIn, refilled, slowed, taken } from './bucket.ts';
import { type BucketName, BUCKETS } from './buckets.ts';
import { GateBusyError } from './errors.ts';

/** Half of the deadline of a pass: a worker that waits for longer is better given to another preview. */
const LONGEST_WAIT_MS = 60_000;

interface Waiter {
  /** Its own bucket first. */
  names: readonly BucketName[];
  since: number;
  go: () => void;
  refuse: (error: GateBusyError) => void;
}

/**
 * The queue in front of all buckets. A call goes when each of its buckets has a token; among those that wait for the
 * same bucket, urgent ones go first, and otherwise whoever came first.
 */
export class Gate {
  readonly #clock: Clock;
  readonly #share: number;
  readonly #buckets = new Map<BucketName, Bucket>();
  #urgent: Waiter[] = [];
  #others: Waiter[] = [];
  #cancelWake: (() => void) | undefined;

  constructor(clock: Clock, share: number) {
    this.#clock = clock;
    this.#share = share;
  }

  /**
   * Undefined where the call may go at once. Else resolves when it is its turn, and rejects with GateBusyError when
   * that has not come within a minute.
   */
  enter(names: readonly BucketName[], urgent: boolean): Promise<void> | undefined {
    const now = this.#clock.monotonic();
    if (!this.#isAwaited(names) && this.#take(names, now)) return undefined;
    return new Promise((go, refuse) => {
      (urgent ? this.#urgent : this.#others).push({ names, since: now, go, refuse });
      this.#admit();
    });
  }

  /** AWS has refused a call that was sent at `sentAt`. */
  throttled(names: readonly BucketName[], sentAt: number): void {
    const now = this.#clock.monotonic();
    for (const name of names) this.#buckets.set(name, slowed(this.#bucket(name, now), now, sentAt));
  }

  /** AWS has taken a call that was sent at `sentAt`. */
  accepted(names: readonly BucketName[], sentAt: number): void {
    for (const name of names) {
      const bucket = this.#buckets.get(name);
      if (bucket && !bucket.rising)
        this.#buckets.set(name, accepted(bucket, this.#clock.monotonic(), sentAt));
    }
  }

  /** Calls a second that the bucket lets through now, in the long run. */
  rate(name: BucketName): number {
    const now = this.#clock.monotonic();
    return refilled(this.#bucket(name, now), now).perSecond;
  }

  #bucket(name: BucketName, now: number): Bucket {
    return this.#buckets.get(name) ?? fullBucket(BUCKETS[name], this.#share, now);
  }

  #isAwaited(names: readonly BucketName[]): boolean {
    const awaits = (waiter: Waiter) => waiter.names.some((name) => names.includes(name));
    return this.#urgent.some(awaits) || this.#others.some(awaits);
  }

  #take(names: readonly BucketName[], now: number): boolean {
    const after: [BucketName, Bucket][] = [];
    for (const name of names) {
      const bucket = taken(this.#bucket(name, now), now);
      if (!bucket) return false;
      after.push([name, bucket]);
    }
    for (const [name, bucket] of after) this.#buckets.set(name, bucket);
    return true;
  }

  /** Lets go whoever may go now, refuses whoever has waited for too long, and comes back when either is next due. */
  #admit(): void {
    this.#cancelWake?.();
    this.#cancelWake = undefined;
    const now = this.#clock.monotonic();
    const blocked = new Set<BucketName>();
    let wake = Infinity;
    const stays = (waiter: Waiter): boolean => {
      if (!waiter.names.some((name) => blocked.has(name)) && this.#take(waiter.names, now)) {
        waiter.go();
        return false;
      }
      const left = waiter.since + LONGEST_WAIT_MS - now;
      if (left <= 0) {
        waiter.refuse(new GateBusyError(waiter.names));
        return false;
      }
      wake = Math.min(wake, left, this.#block(waiter.names, blocked, now));
      return true;
    };
    this.#urgent = this.#urgent.filter(stays);
    this.#others = this.#others.filter(stays);
    if (wake < Infinity) this.#cancelWake = this.#clock.after(Math.max(1, wake), () => this.#admit());
  }

  /**
   * Keeps those behind a waiter from overtaking it: in its own bucket, and in each that it lacks a token of. Answers when
   * it may go, or Infinity where it stands behind another, who will be woken.
   */
  #block(names: readonly BucketName[], blocked: Set<BucketName>, now: number): number {
    const behind = names.some((name) => blocked.has(name));
    let wait = 0;
    for (const [n, name] of names.entries()) {
      const ms = readyIn(this.#bucket(name, now), now);
      if (n === 0 || (ms > 0 && !behind)) blocked.add(name);
      wait = Math.max(wait, ms);
    }
    return behind ? Infinity : wait;
  }
}
