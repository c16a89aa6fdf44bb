import type { Metrics } from '../platform/metrics.ts';
import { type BucketName, BUCKETS } from './buckets.ts';

/** What a gate lets through now, in calls a second. */
interface Rates {
  rate(name: BucketName): number;
}

/** Shows how far each bucket is slowed down: 0 in a process that has no gate, as in a standby. */
export class GateMeter {
  #gate: Rates | undefined;

  constructor(metrics: Metrics) {
    metrics.gaugeOf(
      'tempus_aws_gate_rate',
      'Calls a second that a bucket of AWS is used for at most; less than its share after throttles',
      ['bucket'],
      (gauge) => {
        for (const bucket of Object.keys(BUCKETS) as BucketName[])
          gauge.set({ bucket }, this.#gate?.rate(bucket) ?? 0);
      },
    );
  }

  /** Shows this gate from now on. */
  follow(gate: Rates): void {
    this.#gate = gate;
  }
}
