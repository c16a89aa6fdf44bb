import type { _Record as StreamRecord } from '@aws-sdk/client-dynamodb-streams';
import type { BucketName } from '../aws/buckets.ts';
import { fenced } from '../aws/decorate.ts';
import { disciplined } from '../aws/discipline.ts';
import type { AwsPorts } from '../aws/ports.ts';
import { isDue } from '../preview/expiry.ts';
import type { PreviewRow } from '../preview/record.ts';
import type { SweepBoard, SweepReport } from '../preview/sweep-board.ts';
import { Absences } from '../reconcilers/absences.ts';
import { Recent } from '../reconcilers/recent.ts';
import { Waits } from '../reconcilers/waits.ts';
import type { ControllerDeps } from './deps.ts';
import { EventProjector } from './event-projector.ts';
import { beat } from './heartbeat.ts';
import { imagesOf } from './images.ts';
import type { LeaderLease } from './lease.ts';
import type { ControllerMetrics } from './metrics.ts';
import { Passes } from './passes.ts';
import { type ListReason, Resync } from './resync.ts';
import { StreamLag } from './stream-lag.ts';
import { readStream } from './stream-reader.ts';
import { Sweeper } from './sweeper.ts';
import { reportVitals } from './vitals-report.ts';
import { noteSweep, type Vitals } from './vitals.ts';
import { wakes } from './wakes.ts';
import { PRIORITY, WorkQueue } from './work-queue.ts';

export interface TermDeps {
  controller: ControllerDeps;
  lease: LeaderLease;
  metrics: ControllerMetrics;
}

/** What a leader does for as long as it leads: its queue, what fills it, what works it off, and what tells how it goes. */
export class Term {
  readonly vitals: Vitals;
  readonly #deps: TermDeps;
  readonly #queue: WorkQueue;
  readonly #ports: AwsPorts;

  constructor(deps: TermDeps) {
    this.#deps = deps;
    const { controller, lease, metrics } = deps;
    const check = () => lease.assertHeld();
    const { discipline, ports, clock } = controller;
    const onWait = (bucket: BucketName, ms: number) => metrics.onHeldBack(bucket, ms);
    this.#ports = discipline
      ? disciplined(ports, { ...discipline, clock, check, onWait })
      : fenced(ports, check);
    this.#queue = this.#startQueue();
    this.vitals = { since: deps.controller.clock.now(), queue: this.#queue };
  }

  /**
   * Works until `tenure` aborts. The stream is read from checkpoints or from its oldest record, never from now on: so
   * nothing can fall between it and the first list, whichever of them is faster.
   */
  async run(tenure: AbortSignal): Promise<void> {
    const { lease, controller } = this.#deps;
    const { heartbeats, version = '' } = controller;
    const resync = this.#resync();
    const parts = [this.#readStream(resync, tenure), resync.run(tenure)];
    const { sweepBoard: board, vitalsLog, clock } = controller;
    if (vitalsLog) parts.push(reportVitals(this.vitals, { clock, log: vitalsLog }, tenure));
    if (board) parts.push(this.#sweep(board, tenure));
    if (heartbeats) parts.push(beat(this.vitals, { ...controller, heartbeats, version, lease }, tenure));
    await Promise.all(parts);
  }

  /** Takes no more keys, and resolves when every pass that has begun has truly ended. */
  stop(): Promise<void> {
    return this.#queue.stop();
  }

  #startQueue(): WorkQueue {
    const { controller, lease, metrics } = this.#deps;
    const queue: WorkQueue = new WorkQueue({
      clock: controller.clock,
      concurrency: controller.times.concurrency,
      observer: metrics,
      run: async (key, priority) => {
        const next = await passes.run(key, priority);
        if (next) queue.addAfter(key, next.ms, next.priority);
      },
    });
    const passes = new Passes({
      reconciler: {
        ...controller,
        ports: this.#ports,
        absences: new Absences(),
        waits: new Waits(),
        recent: new Recent(),
        wake: (id) => queue.add(id),
      },
      random: controller.random,
      deadlineMs: controller.times.pass_deadline_ms,
      assertLeader: () => lease.assertHeld(),
      observer: metrics,
    });
    return queue;
  }

  #resync(): Resync {
    const { controller } = this.#deps;
    const { clock, times } = controller;
    return new Resync({
      ...controller,
      unsettledMs: times.unsettled_list_ms,
      fullMs: times.full_list_ms,
      onRow: (row, reason) => listed(row, reason, this.#queue, clock.now()),
      onListed: (survey, full) => {
        this.vitals.survey = survey;
        if (full) this.vitals.lastFullListAt = clock.now();
      },
    });
  }

  /** A sweep that runs when the tenure ends runs to its end, behind the fence. */
  #sweep(board: SweepBoard, tenure: AbortSignal): Promise<void> {
    const { controller, metrics } = this.#deps;
    const ports = this.#ports;
    const onSwept = (report: SweepReport) => {
      metrics.onSwept(report);
      noteSweep(this.vitals, report, controller.clock.now());
    };
    return new Sweeper({ ...controller, ports, board, onSwept }).run(tenure);
  }

  #readStream(resync: Resync, tenure: AbortSignal): Promise<void> {
    const { controller, metrics } = this.#deps;
    const { events } = controller;
    const onLost = (lost: number) => metrics.onEventsLost(lost);
    const projector = events && new EventProjector({ ...controller, events, onLost }, tenure);
    const lag = new StreamLag();
    return readStream(
      {
        ...controller,
        pollMs: controller.times.stream_poll_ms,
        syncMs: controller.times.stream_sync_ms,
        checkpointMs: controller.times.checkpoint_ms,
        // The work first: history must not delay it.
        onPage: async (records, { stream_arn }) => {
          for (const record of records) this.#onRecord(record);
          await projector?.project(records, stream_arn);
        },
        onProgress: (progress) => {
          this.vitals.streamLagS = lag.note(progress);
        },
        onGap: () => {
          metrics.onGap();
          resync.request();
        },
      },
      tenure,
    );
  }

  /** A stream record only says which key to look at; its images decide whether that is worth it. */
  #onRecord(record: StreamRecord): void {
    const id = record.dynamodb?.Keys?.id?.S;
    if (id === undefined) return;
    const { before, after } = imagesOf(record);
    const priority = wakes(before, after);
    if (priority !== undefined) this.#queue.add(id, priority);
    this.#deps.metrics.onChange(before, after);
  }
}

/** What has to go goes first, also when only a list has found it. A key with a timer of its own keeps its backoff. */
function listed(
  { id, phase, expires_at }: PreviewRow,
  reason: ListReason,
  queue: WorkQueue,
  now: Date,
): void {
  if (reason === 'unsettled' && queue.has(id)) return;
  queue.add(id, phase === 'Deleting' || isDue(expires_at, now) ? PRIORITY.deletion : PRIORITY.list);
}
