import type { Clock } from '../platform/clock.ts';
import type { Counter, Histogram, Metrics } from '../platform/metrics.ts';
import { classify } from './errors.ts';
import { type AwsPorts, ECS_CALLS, ELBV2_CALLS, LOGS_CALLS, SCHEDULER_CALLS } from './ports.ts';

type AnyCall = (input: never) => Promise<unknown>;
type Around = (service: keyof AwsPorts, call: string, proceed: () => Promise<unknown>) => Promise<unknown>;

/** The same ports, with `around` run about every call. */
export function decorate(ports: AwsPorts, around: Around): AwsPorts {
  const wrap = <P extends Record<keyof P, AnyCall>>(
    service: keyof AwsPorts,
    port: P,
    calls: readonly (keyof P & string)[],
  ) => {
    const wrapped = calls.map((call) => [
      call,
      (input: never) => around(service, call, () => port[call](input)),
    ]);
    return Object.fromEntries(wrapped) as P;
  };
  return {
    ecs: wrap('ecs', ports.ecs, ECS_CALLS),
    elbv2: wrap('elbv2', ports.elbv2, ELBV2_CALLS),
    scheduler: wrap('scheduler', ports.scheduler, SCHEDULER_CALLS),
    logs: wrap('logs', ports.logs, LOGS_CALLS),
  };
}

const READS = /^(describe|list|get|filter)/;

/** Runs `check` before every mutating call; what it throws keeps the call from being made. */
export function fenced(ports: AwsPorts, check: () => void): AwsPorts {
  return decorate(ports, async (_service, call, proceed) => {
    if (!READS.test(call)) check();
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

  measured(ports: AwsPorts): AwsPorts {
    return decorate(ports, async (service, call, proceed) => {
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
