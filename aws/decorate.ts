import type { Clock } from '../platform/clock.ts';
import type { Counter, Histogram, Metrics } from '../platform/metrics.ts';
import { classify } from './errors.ts';

type AnyCall = (input: never) => Promise<unknown>;
type Around = (call: string, proceed: () => Promise<unknown>) => Promise<unknown>;

/** The same port, with `around` run about each of the named calls. */
function decorate<P extends Record<keyof P, AnyCall>>(
  port: P,
  calls: readonly (keyof P & string)[],
  around: Around,
): P {
  const wrap = (name: keyof P & string) => (input: never) => around(name, () => port[name](input));
  return Object.fromEntries(calls.map((name) => [name, wrap(name)])) as P;
}

const READS = /^(describe|list|get|filter)/;

/** Whether a call changes something at AWS: every call that is not a read by its name. */
export function isMutating(call: string): boolean {
  return !READS.test(call);
}

/** Runs `check` before every mutating call; what it throws keeps the call from being made. */
export function fenced<P extends Record<keyof P, AnyCall>>(
  port: P,
  calls: readonly (keyof P & string)[],
  check: () => void,
): P {
  return decorate(port, calls, async (call, proceed) => {
    if (isMutating(call)) check();
    return proceed();
  });
}

/** Counts and times every call, by service, call and outcome. */
export class CallMeter {
  readonly #clock: Clock;
  readonly #calls: Counter<'service' | 'call' | 'outcome'>;
  readonly #seconds: Histogram<'service' | 'call'>;

  constructor(metrics: Metrics, clock: Clock) {
    this.#clock = clock;
    this.#calls = metrics.counter('tempus_aws_calls_total', 'Calls made to AWS', [
      'service',
      'call',
      'outcome',
    ]);
    this.#seconds = metrics.histogram(
      'tempus_aws_call_seconds',
      'Time until AWS answered',
      [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
      ['service', 'call'],
    );
  }

  measured<P extends Record<keyof P, AnyCall>>(
    service: string,
    port: P,
    calls: readonly (keyof P & string)[],
  ): P {
    return decorate(port, calls, async (call, proceed) => {
      const start = this.#clock.monotonic();
      let outcome = 'ok';
      try {
        return await proceed();
      } catch (error) {
        outcome = classify(error).kind;
        throw error;
      } finally {
        this.#calls.inc({ service, call, outcome });
        this.#seconds.observe({ service, call }, (this.#clock.monotonic() - start) / 1000);
      }
    });
  }
}
