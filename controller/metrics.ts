import { BUCKETS } from '../aws/buckets.ts';
import type { FaultKind } from '../aws/errors.ts';
import type { Counter, Histogram, Metrics } from '../platform/metrics.ts';
import { RESOURCE_KINDS } from '../preview/names.ts';
import { PHASES, type PreviewRow } from '../preview/record.ts';
import type { SweepReport } from '../preview/sweep-board.ts';
import type { PassResult } from '../reconcilers/outcome.ts';
import type { PassObserver } from './passes.ts';
import type { Vitals } from './vitals.ts';
import { PRIORITY, type QueueObserver } from './work-queue.ts';

export interface ControllerMetricsDeps {
  metrics: Metrics;
  albs: readonly { name: string; slots: number }[];
  /** How the present tenure goes; undefined in a standby, whose gauges are 0 so that a sum over controllers is right. */
  vitals: () => Vitals | undefined;
}

const FAULTS = {
  conflict: 0,
  throttle: 0,
  transient: 0,
  capacity: 0,
  denied: 0,
  invalid: 0,
} as const satisfies Record<FaultKind, 0>;
const RESULTS: readonly PassResult['kind'][] = ['finished', 'again', 'fault'];
const SWEEPS = ['done', 'stopped', 'aborted'] as const;
const CALL_BUCKETS = [0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 120];
const LIFE_BUCKETS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800];

/** What a controller counts of itself, under the names that its kind of controller usually gives them. */
export class ControllerMetrics implements PassObserver, QueueObserver {
  readonly #passes: Counter<'result'>;
  readonly #passSeconds: Histogram;
  readonly #errors: Counter<'kind'>;
  readonly #overruns: Counter;
  readonly #conflicts: Counter;
  readonly #adds: Counter;
  readonly #retries: Counter;
  readonly #queueSeconds: Histogram;
  readonly #workSeconds: Histogram;
  readonly #gaps: Counter;
  readonly #losses: Counter;
  readonly #eventsLost: Counter;
  readonly #orphans: Counter<'kind'>;
  readonly #sweeps: Counter<'outcome'>;
  readonly #heldBack: Histogram<'bucket'>;
  readonly #toReady: Histogram;
  readonly #toGone: Histogram;

  constructor({ metrics, albs, vitals }: ControllerMetricsDeps) {
    this.#passes = metrics.counter('tempus_reconcile_total', 'Passes by how they ended', ['result']);
    this.#passSeconds = metrics.histogram('tempus_reconcile_seconds', 'Length of passes', CALL_BUCKETS);
    this.#errors = metrics.counter('tempus_reconcile_errors_total', 'Failed passes by kind of fault', [
      'kind',
    ]);
    this.#overruns = metrics.counter('tempus_reconcile_overruns_total', 'Passes that reached their deadline');
    this.#conflicts = metrics.counter('tempus_conflicts_total', 'Passes that somebody else wrote into');
    this.#adds = metrics.counter('tempus_workqueue_adds_total', 'Keys that got ready');
    this.#retries = metrics.counter('tempus_workqueue_retries_total', 'Keys asked for later');
    this.#queueSeconds = metrics.histogram(
      'tempus_workqueue_queue_seconds',
      'Time ready in the queue',
      CALL_BUCKETS,
    );
    this.#workSeconds = metrics.histogram(
      'tempus_workqueue_work_seconds',
      'Time taken from the queue',
      CALL_BUCKETS,
    );
    this.#gaps = metrics.counter('tempus_stream_gap_total', 'Times that stream records were lost');
    this.#eventsLost = metrics.counter('tempus_events_lost_total', 'Events missing in the history');
    this.#losses = metrics.counter(
      'tempus_lease_losses_total',
      'Tenures that ended against the will of the leader',
    );
    this.#heldBack = metrics.histogram(
      'tempus_aws_gate_wait_seconds',
      'Time that a call was held back to keep within the rates of AWS',
      CALL_BUCKETS,
      ['bucket'],
    );
    for (const bucket of Object.keys(BUCKETS)) this.#heldBack.zero({ bucket });
    this.#orphans = metrics.counter('tempus_orphans_total', 'Orphans that a sweep has deleted', ['kind']);
    this.#sweeps = metrics.counter('tempus_sweeps_total', 'Sweeps by how they ended', ['outcome']);
    for (const kind of [...RESOURCE_KINDS, 'slot']) this.#orphans.inc({ kind }, 0);
    for (const outcome of SWEEPS) this.#sweeps.inc({ outcome }, 0);
    this.#toReady = metrics.histogram('tempus_seconds_to_ready', 'From request to first Ready', LIFE_BUCKETS);
    this.#toGone = metrics.histogram(
      'tempus_seconds_to_gone',
      'From the end of life to Deleted',
      LIFE_BUCKETS,
    );
    for (const result of RESULTS) this.#passes.inc({ result }, 0);
    for (const kind of Object.keys(FAULTS)) this.#errors.inc({ kind }, 0);
    gauges({ metrics, albs, vitals });
  }

  onPass(result: PassResult, ms: number): void {
    this.#passes.inc({ result: result.kind });
    this.#passSeconds.observe(ms / 1000);
    if (result.kind !== 'fault') return;
    this.#errors.inc({ kind: result.fault.kind });
    if (result.fault.kind === 'conflict') this.#conflicts.inc();
  }

  onOverrun(): void {
    this.#overruns.inc();
  }

  onAdd(): void {
    this.#adds.inc();
  }

  onDelay(): void {
    this.#retries.inc();
  }

  onStart(waitedMs: number): void {
    this.#queueSeconds.observe(waitedMs / 1000);
  }

  onEnd(workedMs: number): void {
    this.#workSeconds.observe(workedMs / 1000);
  }

  onGap(): void {
    this.#gaps.inc();
  }

  onEventsLost(events: number): void {
    this.#eventsLost.inc(events);
  }

  onLost(): void {
    this.#losses.inc();
  }

  onHeldBack(bucket: string, ms: number): void {
    this.#heldBack.observe({ bucket }, ms / 1000);
  }

  onSwept({ aborted, breaker, deleted }: SweepReport): void {
    this.#sweeps.inc({ outcome: aborted === null ? (breaker ? 'stopped' : 'done') : 'aborted' });
    for (const { kind } of deleted) this.#orphans.inc({ kind });
  }

  /** Sees a record change, as the stream tells it: the moments of a life are measured where everybody can see them. */
  onChange(before: Partial<PreviewRow> | undefined, after: Partial<PreviewRow> | undefined): void {
    if (!before || !after) return;
    const { status, created_at, phase, deletion } = after;
    if (!before.status?.ready_at && status?.ready_at) observe(this.#toReady, created_at, status.ready_at);
    if (before.phase !== 'Deleted' && phase === 'Deleted')
      observe(this.#toGone, deletion?.requested_at, status?.deleted_at);
  }
}

function observe(histogram: Histogram, from: string | undefined, to: string | undefined): void {
  const seconds = (Date.parse(to ?? '') - Date.parse(from ?? '')) / 1000;
  // A record that a hand has put can lack its times.
  if (seconds >= 0) histogram.observe(seconds);
}

/** Everything that is true at an instant is read when somebody asks: it costs nothing and never goes stale. */
function gauges({ metrics, albs, vitals }: ControllerMetricsDeps): void {
  const single = (name: string, help: string, read: (vitals: Vitals) => number | undefined) =>
    metrics.gaugeOf(name, help, [], (gauge) => {
      const now = vitals();
      gauge.set((now && read(now)) ?? 0);
    });
  single('tempus_leader', 'Whether this controller leads', () => 1);
  single(
    'tempus_overdue_seconds',
    'By how much the most overdue preview has outlived its time',
    ({ survey }) => survey?.overdue_s,
  );
  single('tempus_stream_lag_seconds', 'How far behind the stream is read', ({ streamLagS }) => streamLagS);
  single(
    'tempus_last_full_list_timestamp_seconds',
    'When all previews were last listed',
    ({ lastFullListAt }) => lastFullListAt && lastFullListAt.getTime() / 1000,
  );
  single(
    'tempus_sweep_breaker_tripped',
    'Whether the last sweep would have taken too much',
    ({ sweepStopped }) => Number(sweepStopped ?? false),
  );
  single(
    'tempus_workqueue_longest_running_seconds',
    'Age of the oldest pass under way',
    ({ queue }) => (queue.running()[0] ?? 0) / 1000,
  );
  metrics.gaugeOf('tempus_workqueue_depth', 'Keys that wait for a worker', ['priority'], (gauge) => {
    const depths = vitals()?.queue.depths();
    for (const [priority, value] of Object.entries(PRIORITY))
      gauge.set({ priority }, depths?.get(value) ?? 0);
  });
  metrics.gaugeOf('tempus_previews', 'Previews that are not Deleted, as last listed', ['phase'], (gauge) => {
    const phases = vitals()?.survey?.phases;
    for (const phase of PHASES) if (phase !== 'Deleted') gauge.set({ phase }, phases?.get(phase) ?? 0);
  });
  metrics.gaugeOf('tempus_slots_used', 'Slots that previews hold, as last listed', ['alb'], (gauge) => {
    const slots = vitals()?.survey?.slots;
    for (const { name } of albs) gauge.set({ alb: name }, slots?.get(name) ?? 0);
  });
  metrics.gaugeOf('tempus_slots_total', 'Slots that previews can hold', ['alb'], (gauge) => {
    for (const { name, slots } of albs) gauge.set({ alb: name }, vitals() ? slots : 0);
  });
}
