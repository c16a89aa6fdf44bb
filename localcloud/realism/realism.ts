import type { Clock } from '../../platform/clock.ts';
import type { Random } from '../../platform/random.ts';
import { draw } from './distribution.ts';
import { Limiter } from './limiter.ts';
import { type Stage, STAGES } from './stages.ts';
import { FARGATE_LAUNCHES } from './throttles.ts';

export interface RealismOptions {
  clock: Clock;
  random: Random;
  /** 1 for AWS's own delays, less for shorter ones. Rates and quotas stay AWS's. */
  factor: number;
  /** Elastic Load Balancing also limits all of its calls together. */
  strict?: boolean;
  /** What Fargate may run at once, in vCPU; a new account's quota by default. */
  vcpus?: number;
}

/** AWS's quota of Fargate on demand for a new account, before it grows with use. */
const NEW_ACCOUNT_VCPUS = 6;
const MINUTE_MS = 60_000;
/** Scheduler promises the minute, not the second. */
const LATEST_FIRING_MS = 59_000;
const DUPLICATE_EVENTS = 0.01;

/** AWS's delays and limits, for a localcloud that shall have them: every draw and every bucket is here. */
export class Realism {
  readonly factor: number;
  readonly vcpus: number;
  readonly #random: Random;
  readonly #limiter: Limiter;

  constructor({ clock, random, factor, strict, vcpus = NEW_ACCOUNT_VCPUS }: RealismOptions) {
    this.factor = factor;
    this.vcpus = vcpus;
    this.#random = random;
    this.#limiter = new Limiter({ clock, strict });
  }

  /** How long a stage takes this time. */
  delayMs(stage: Stage): number {
    return this.factor * draw(STAGES[stage], this.#random);
  }

  /** Takes a call's tokens; false where the call is throttled. */
  admits(service: string, operation: string): boolean {
    return this.#limiter.admits(service, operation);
  }

  /** Takes what the launch of one Fargate task costs; false where it has to wait. */
  admitsLaunch(): boolean {
    return this.#limiter.takes(FARGATE_LAUNCHES);
  }

  /** How long a minute of the scheduler's rates lasts. */
  get minuteMs(): number {
    return this.factor * MINUTE_MS;
  }

  /** How long after its minute a schedule fires this time. */
  firingDelayMs(): number {
    return this.factor * LATEST_FIRING_MS * this.#random.next();
  }

  /** Whether an event is delivered twice. */
  duplicates(): boolean {
    return this.#random.next() < DUPLICATE_EVENTS;
  }

  /** A number in [0, 1): which replica answers, or how much of a call's time passes before it is carried out. */
  chance(): number {
    return this.#random.next();
  }
}
