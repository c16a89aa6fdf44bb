import type { Clock } from '../platform/clock.ts';
import type { Counter, Histogram, Metrics } from '../platform/metrics.ts';
import { decorate } from './decorate.ts';
import { classify, FAULT_KINDS } from './errors.ts';
import { type AwsPorts, CALLS } from './ports.ts';

/** Counts and times every call as AWS sees it, by service, call and outcome. */
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
    for (const [service, calls] of Object.entries(CALLS))
      for (const call of calls) {
        for (const outcome of ['ok', ...FAULT_KINDS]) this.#calls.inc({ service, call, outcome }, 0);
        this.#seconds.zero({ service, call });
      }
  }

  measured(ports: AwsPorts): AwsPorts {
    return decorate(ports, (service, call) => async (proceed) => {
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
