import { Counter, Gauge, Histogram, Registry } from 'prom-client';

export type { Counter, Gauge, Histogram };

/**
 * The only door to counters: one registry a process part, so that two parts in one process never clash. Metrics with
 * labels show up with their first value, so whoever makes one sets every label value it knows to 0 at the start: a
 * counter that appears at 1 looks like no increase.
 */
export class Metrics {
  readonly #registry = new Registry();

  counter<L extends string>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.#registry] });
  }

  gauge<L extends string>(name: string, help: string, labelNames: readonly L[] = []): Gauge<L> {
    return new Gauge({ name, help, labelNames, registers: [this.#registry] });
  }

  /** A gauge that is asked only when somebody reads the metrics. `read` sets every value that it has. */
  gaugeOf<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    read: (gauge: Gauge<L>) => void,
  ): void {
    const collect = () => read(gauge);
    const gauge: Gauge<L> = new Gauge({ name, help, labelNames, registers: [this.#registry], collect });
  }

  histogram<L extends string>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: readonly L[] = [],
  ): Histogram<L> {
    return new Histogram({ name, help, buckets, labelNames, registers: [this.#registry] });
  }

  /** The Prometheus text exposition of everything registered here. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
