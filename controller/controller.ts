import type { _Record as StreamRecord } from '@aws-sdk/client-dynamodb-streams';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { fenced } from '../aws/decorate.ts';
import { classify, type Fault } from '../aws/errors.ts';
import type { StreamsPort, TablePort } from '../aws/ports.ts';
import { jitter, type Random } from '../platform/random.ts';
import type { PassResult } from '../reconcilers/outcome.ts';
import type { ReconcilerDeps } from '../reconcilers/pass.ts';
import { reconcile } from '../reconcilers/preview.ts';
import { LeaderLease, type LeaseTimes, NotLeaderError } from './lease.ts';
import { Resync } from './resync.ts';
import { RetryDelays } from './retry-delays.ts';
import { readStream } from './stream-reader.ts';
import { wakes } from './wakes.ts';
import { PRIORITY, WorkQueue } from './work-queue.ts';

export interface ControllerDeps extends ReconcilerDeps {
  random: Random;
  dynamodb: TablePort;
  streams: StreamsPort;
  table: string;
  /** Names this process among the controllers of the install; see LeaseDeps.home. */
  owner: string;
  home?: string;
  leaseTimes?: LeaseTimes;
  times: ControllerTimes;
}

export interface ControllerTimes {
  concurrency: number;
  stream_poll_ms: number;
  stream_sync_ms: number;
  checkpoint_ms: number;
  unsettled_list_ms: number;
  full_list_ms: number;
  drain_ms: number;
}

/** Somebody else wrote first: look again soon, spread out, so that two writers do not chase each other. */
const CONFLICT_MS = 200;

/** Consumes the table's stream and its lists, and runs passes over previews while it is the leader. */
export class Controller {
  readonly #deps: ControllerDeps;
  readonly #lease: LeaderLease;

  constructor(deps: ControllerDeps) {
    this.#deps = deps;
    const { coordination, clock, log, owner, home, leaseTimes } = deps;
    this.#lease = new LeaderLease({
      coordination,
      clock,
      log,
      owner,
      ...(home === undefined ? {} : { home }),
      ...(leaseTimes ? { times: leaseTimes } : {}),
    });
  }

  get isLeader(): boolean {
    return this.#lease.isHeld;
  }

  /** Leads, or stands by to lead, until `signal` aborts; resolves when every pass that had begun has ended. */
  run(signal: AbortSignal): Promise<void> {
    return this.#lease.run((tenure) => this.#lead(tenure), signal);
  }

  async #lead(tenure: AbortSignal): Promise<void> {
    const deps = this.#deps;
    const reconciler = this.#fencedDeps();
    const retries = new RetryDelays(deps.random);
    const queue = new WorkQueue({
      clock: deps.clock,
      concurrency: deps.times.concurrency,
      run: (key) => this.#process(key, queue, retries, reconciler),
    });
    const resync = new Resync({
      ...deps,
      unsettledMs: deps.times.unsettled_list_ms,
      fullMs: deps.times.full_list_ms,
      onRow: ({ id, phase }) => queue.add(id, phase === 'Deleting' ? PRIORITY.deletion : PRIORITY.list),
    });
    const stream = readStream(
      {
        ...deps,
        pollMs: deps.times.stream_poll_ms,
        syncMs: deps.times.stream_sync_ms,
        checkpointMs: deps.times.checkpoint_ms,
        onRecord: (record) => wake(record, queue),
        onGap: () => resync.request(),
      },
      tenure,
    );
    await Promise.all([stream, resync.run(tenure)]);
    await Promise.race([queue.stop(), deps.clock.sleep(deps.times.drain_ms)]);
  }

  #fencedDeps(): ReconcilerDeps {
    return { ...this.#deps, ports: fenced(this.#deps.ports, () => this.#lease.assertHeld()) };
  }

  /** One key: a pass, and what its result means for the queue. The one place that logs how passes end. */
  async #process(key: string, queue: WorkQueue, retries: RetryDelays, deps: ReconcilerDeps): Promise<void> {
    const { clock, log } = this.#deps;
    const start = clock.monotonic();
    const result = await this.#pass(key, retries.failures(key), deps);
    const fields = { id: key, duration_ms: Math.round(clock.monotonic() - start) };
    switch (result.kind) {
      case 'finished':
        retries.forget(key);
        log.debug(fields, 'finished preview');
        return;
      case 'again':
        retries.forget(key);
        queue.addAfter(key, result.ms);
        log.debug({ ...fields, reason: result.reason, again_ms: result.ms }, 'passed over preview');
        return;
      case 'fault': {
        const ms = this.#retryAfter(key, result.fault, retries);
        queue.addAfter(key, ms);
        const quiet = result.fault.kind === 'conflict';
        log[quiet ? 'debug' : 'warn']({ ...fields, ...result.fault, again_ms: ms }, 'pass failed');
      }
    }
  }

  async #pass(key: string, attempt: number, deps: ReconcilerDeps): Promise<PassResult> {
    try {
      return await reconcile(key, attempt, deps);
    } catch (error) {
      const fenceHeld = error instanceof NotLeaderError;
      if (!fenceHeld) this.#deps.log.error({ err: error, id: key }, 'pass threw');
      return { kind: 'fault', fault: classify(error) };
    }
  }

  #retryAfter(key: string, fault: Fault, retries: RetryDelays): number {
    const { random, config } = this.#deps;
    switch (fault.kind) {
      case 'conflict':
        return jitter(random, CONFLICT_MS);
      case 'throttle':
      case 'transient':
        return retries.next(key);
      case 'capacity':
        return jitter(random, config.retry_ms);
      case 'denied':
      case 'invalid':
        return jitter(random, config.drift_ms);
    }
  }
}

/** A stream record only says which key to look at; its images decide whether that is worth it. */
function wake({ dynamodb }: StreamRecord, queue: WorkQueue): void {
  const id = dynamodb?.Keys?.id?.S;
  if (!dynamodb || id === undefined) return;
  const { OldImage, NewImage } = dynamodb;
  const priority = wakes(OldImage && unmarshall(OldImage), NewImage && unmarshall(NewImage));
  if (priority !== undefined) queue.add(id, priority);
}
