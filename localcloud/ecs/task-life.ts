import type { TaskStopCode } from '@aws-sdk/client-ecs';

import { type RunningTask, type TaskLaunch, type TaskRuntime, TaskStartError } from '../task-runtime.ts';
import type { EcsContext, TaskRecord, TaskStatus } from './state.ts';
import type { Targets } from './targets.ts';

/** Why a task shall stop. */
export interface StopOrder {
  stopCode: TaskStopCode;
  reason: string;
  /** Stop without waiting for the load balancer to drain the task. */
  now?: boolean;
}

export interface TaskStart {
  launch: TaskLaunch;
  targetGroups: readonly { targetGroupArn: string }[];
}

interface Life {
  task: TaskRecord;
  ordered: PromiseWithResolvers<StopOrder>;
  /** Aborted when there is nothing to drain for any more. */
  hurry: AbortController;
  running?: RunningTask;
}

const SIGNAL_EXIT_CODES: Readonly<Record<string, number>> = { SIGKILL: 137, SIGTERM: 143 };

export interface TaskLivesDeps {
  context: EcsContext;
  runtime: TaskRuntime;
  targets: Targets;
  /** Called after every change of `lastStatus` that others react to. */
  changed: (task: TaskRecord) => void;
}

/** Leads every task through its life, from PROVISIONING to STOPPED, whatever happens on the way. */
export class TaskLives {
  readonly #context: EcsContext;
  readonly #runtime: TaskRuntime;
  readonly #targets: Targets;
  readonly #changed: (task: TaskRecord) => void;
  readonly #lives = new Map<string, Life>();
  readonly #ends = new Set<Promise<void>>();

  constructor({ context, runtime, targets, changed }: TaskLivesDeps) {
    this.#context = context;
    this.#runtime = runtime;
    this.#targets = targets;
    this.#changed = changed;
  }

  begin(task: TaskRecord, start: TaskStart): void {
    const life = { task, ordered: Promise.withResolvers<StopOrder>(), hurry: new AbortController() };
    this.#lives.set(task.id, life);
    const end = this.#live(life, start).finally(() => {
      this.#lives.delete(task.id);
      this.#ends.delete(end);
    });
    this.#ends.add(end);
  }

  /** Takes the task out of service: the load balancer first, then SIGTERM, then SIGKILL. */
  stop(task: TaskRecord, order: StopOrder): void {
    if (order.now) this.#lives.get(task.id)?.hurry.abort();
    if (task.desiredStatus === 'STOPPED') return;
    task.desiredStatus = 'STOPPED';
    task.stoppingAt = this.#context.now();
    task.stopCode = order.stopCode;
    task.stoppedReason = order.reason;
    task.version += 1;
    this.#lives.get(task.id)?.ordered.resolve(order);
  }

  /** Resolves when no task runs any more. */
  async allOver(): Promise<void> {
    await Promise.all(this.#ends);
  }

  async #live(life: Life, start: TaskStart): Promise<void> {
    const { task } = life;
    try {
      await this.#start(life, start);
    } catch (error) {
      await this.#startFailed(life, error);
      return;
    }
    try {
      await this.#runToEnd(life);
    } catch (error) {
      this.#context.log.error({ err: error, task_id: task.id }, 'task life failed');
      await life.running?.stop();
      this.#stopped(task, 'InfrastructureHealth', 'The task could not be led to its end.');
    }
  }

  async #start(life: Life, { launch, targetGroups }: TaskStart): Promise<void> {
    const { task } = life;
    this.#advance(task, 'PENDING');
    life.running = await this.#runtime.start(launch);
    this.#advance(task, 'ACTIVATING');
    const { address, port } = life.running;
    // Ordered to stop while it was starting: no request must reach it.
    if (port !== undefined && task.desiredStatus === 'RUNNING') {
      task.targets = targetGroups.map(({ targetGroupArn }) => ({ targetGroupArn, address, port }));
      this.#context.save();
      await this.#targets.register(task.targets);
    }
    task.startedAt = this.#context.now();
    this.#advance(task, 'RUNNING');
    this.#context.save();
    this.#changed(task);
  }

  async #startFailed({ task, running }: Life, error: unknown): Promise<void> {
    const reason = error instanceof Error ? error.message : String(error);
    if (!(error instanceof TaskStartError)) {
      this.#context.log.warn({ err: error, task_id: task.id }, 'task start failed');
    }
    await running?.stop();
    try {
      await this.#targets.deregister(task.targets);
    } catch (deregisterError) {
      this.#context.log.warn({ err: deregisterError, task_id: task.id }, 'task not deregistered');
    }
    task.containerReason = reason;
    this.#stopped(task, 'TaskFailedToStart', reason);
  }

  async #runToEnd({ task, running, ordered, hurry }: Life): Promise<void> {
    if (!running) return;
    const exitOrOrder = await Promise.race([running.exited, ordered.promise]);
    if ('stopCode' in exitOrOrder) await this.#retire(task, running, hurry);
    else await this.#targets.deregister(task.targets);
    const exit = await running.exited;
    task.exitCode = exit.exitCode ?? SIGNAL_EXIT_CODES[exit.signal ?? ''] ?? 137;
    this.#stopped(task, 'EssentialContainerExited', 'Essential container in task exited');
  }

  async #retire(task: TaskRecord, running: RunningTask, hurry: AbortController): Promise<void> {
    this.#advance(task, 'DEACTIVATING');
    await this.#targets.deregister(task.targets);
    void this.#abortWhenExited(running, hurry);
    await this.#targets.drained(task.targets, hurry.signal);
    this.#advance(task, 'STOPPING');
    await running.stop();
    this.#advance(task, 'DEPROVISIONING');
  }

  async #abortWhenExited(running: RunningTask, hurry: AbortController): Promise<void> {
    await running.exited;
    hurry.abort();
  }

  /** The end. A reason that an order gave before stays. */
  #stopped(task: TaskRecord, stopCode: TaskStopCode, reason: string): void {
    task.desiredStatus = 'STOPPED';
    task.stopCode ??= stopCode;
    task.stoppedReason ??= reason;
    task.stoppedAt = this.#context.now();
    task.stoppingAt ??= task.stoppedAt;
    this.#advance(task, 'STOPPED');
    this.#context.save();
    this.#changed(task);
  }

  #advance(task: TaskRecord, status: TaskStatus): void {
    task.lastStatus = status;
    task.version += 1;
    this.#context.log.debug({ task_id: task.id, status }, 'task changed');
  }
}
