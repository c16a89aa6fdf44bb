import type { Clock } from '../platform/clock.ts';
import { Bucket, BUCKET_OF, type BucketName, BUCKETS } from './buckets.ts';
import { decorate } from './decorate.ts';
import { classify } from './errors.ts';
import type { AwsPorts } from './ports.ts';

export interface GateDeps {
  clock: Clock;
  /** Of each account-wide bucket, how much this install may draw: others live in the account, too. */
  rate_share: number;
  /** Told how long each call had to wait. */
  onWait?: (bucket: BucketName, ms: number) => void;
}

interface Waiter {
  urgent: boolean;
  go: () => void;
}

/** What takes something away goes before what makes or changes: a full account gets room by deletes alone. */
const URGENT = /^(delete|deregister)/;

/** The queue in front of one bucket. */
class Gate {
  readonly #bucket: Bucket;
  readonly #clock: Clock;
  readonly #waiting: Waiter[] = [];
  #armed = false;

  constructor(bucket: Bucket, clock: Clock) {
    this.#bucket = bucket;
    this.#clock = clock;
  }

  /** Undefined where the call may go at once; else resolves when it is its turn. */
  enter(urgent: boolean): Promise<void> | undefined {
    if (this.#waiting.length === 0 && this.#bucket.take(this.#clock.monotonic())) return undefined;
    return new Promise((go) => {
      const waiter = { urgent, go };
      const behind = urgent ? this.#waiting.findIndex((other) => !other.urgent) : -1;
      if (behind === -1) this.#waiting.push(waiter);
      else this.#waiting.splice(behind, 0, waiter);
      this.#arm();
    });
  }

  throttled(): void {
    this.#bucket.throttled(this.#clock.monotonic());
  }

  #arm(): void {
    if (this.#armed || this.#waiting.length === 0) return;
    this.#armed = true;
    this.#clock.after(Math.max(1, this.#bucket.nextIn(this.#clock.monotonic())), () => {
      this.#armed = false;
      while (this.#waiting.length > 0 && this.#bucket.take(this.#clock.monotonic()))
        this.#waiting.shift()?.go();
      this.#arm();
    });
  }
}

/**
 * Holds every call back until its bucket has a token, so that AWS seldom has to refuse one; and slows a bucket down
 * when it does all the same, for all previews together: retries that each wait on their own would keep the storm up.
 */
export function gated(ports: AwsPorts, { clock, rate_share, onWait }: GateDeps): AwsPorts {
  const gates = new Map<BucketName, Gate>();
  const gateOf = (name: BucketName): Gate => {
    const known = gates.get(name);
    if (known) return known;
    const gate = new Gate(new Bucket(BUCKETS[name], rate_share), clock);
    gates.set(name, gate);
    return gate;
  };
  return decorate(ports, async (service, call, proceed) => {
    const name = (BUCKET_OF[service] as Readonly<Record<string, BucketName>>)[call];
    if (name === undefined) throw new Error(`${service}.${call} has no bucket`);
    const gate = gateOf(name);
    const asked = clock.monotonic();
    const turn = gate.enter(URGENT.test(call));
    if (turn) {
      await turn;
      onWait?.(name, clock.monotonic() - asked);
    }
    try {
      return await proceed();
    } catch (error) {
      if (classify(error).kind === 'throttle') gate.throttled();
      throw error;
    }
  });
}
