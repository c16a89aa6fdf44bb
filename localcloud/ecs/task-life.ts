import type { TaskStopCode } from '@aws-sdk/client-ecs';

import type { Realism } from '../realism/realism.ts';
import { type TaskLaunch, type TaskPlace, type TaskRuntime, TaskStartError } from '../task-runtime.ts';
import { taskStateChange } from './happenings.ts';
import type { EcsContext, TaskRecord, TaskStatus, TaskTarget } from './state.ts';
import { type ContainerOrder, TaskContainers } from './task-containers.ts';
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
  orders: readonly ContainerOrder[];
  targetGroups: readonly { targetGroupArn: string; containerPort: number }[];
}

interface Life {
  task: TaskRecord;
  ordered: PromiseWithResolvers<StopOrder>;
  /** Aborted when there is nothing to drain for any more. */
  hurry: AbortController;
  containers?: TaskContainers;
}

/** Quicker than AWS, which lets an interval pass first: nobody shall wait for the rest of it. */
const FIRST_LOOK_MS = 500;
export const FAILED_CONTAINER_HEALTH = 'Task failed container health checks';

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
    this.#context.publish?.(taskStateChange(task, this.#context.now()));
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
    this.#context.publish?.(taskStateChange(task, this.#context.now()));
    this.#lives.get(task.id)?.ordered.resolve(order);
  }

  /** Resolves when no task runs any more. */
  async allOver(): Promise<void> {
    await Promise.all(this.#ends);
  }

  async #live(life: Life, start: TaskStart): Promise<void> {
    const { task } = life;
    if (this.#context.realism && !(await this.#provision(life, this.#context.realism))) {
      const { stopCode, reason } = await life.ordered.promise;
      this.#stopped(task, stopCode, reason);
      return;
    }
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
      await life.containers?.stop();
      this.#stopped(task, 'InfrastructureHealth', 'The task could not be led to its end.');
    }
  }

  /** What Fargate does before a container can start; false where the task was ordered to stop meanwhile. */
  async #provision({ task, ordered }: Life, realism: Realism): Promise<boolean> {
    const stopped = new AbortController();
    void ordered.promise.then(() => stopped.abort());
    await this.#context.clock.sleep(realism.delayMs('network_interface'), stopped.signal);
    this.#advance(task, 'PENDING');
    await this.#context.clock.sleep(realism.delayMs('image_pull'), stopped.signal);
    return task.desiredStatus === 'RUNNING';
  }

  async #start(life: Life, { launch, orders, targetGroups }: TaskStart): Promise<void> {
    const { task } = life;
    if (task.lastStatus !== 'PENDING') this.#advance(task, 'PENDING');
    const place = await this.#runtime.prepare(launch);
    const containers = new TaskContainers({
      place,
      clock: this.#context.clock,
      orders,
      records: task.containers,
      firstLookMs: this.#context.realism ? Infinity : FIRST_LOOK_MS,
      changed: () => this.#changed(task),
    });
    life.containers = containers;
    // Ordered to stop while its containers wait for each other: they need not come up any more.
    await Promise.race([containers.start(), life.ordered.promise]);
    this.#advance(task, 'ACTIVATING');
    // Ordered to stop while it was starting: no request must reach it.
    if (task.desiredStatus === 'RUNNING') {
      task.targets = targetGroups.flatMap((group) => targetOf(group, place));
      this.#context.save();
      await this.#targets.register(task.targets);
    }
    task.startedAt = this.#context.now();
    this.#advance(task, 'RUNNING');
    this.#context.save();
    this.#changed(task);
  }

  async #startFailed({ task, containers }: Life, error: unknown): Promise<void> {
    const reason = error instanceof Error ? error.message : String(error);
    if (!(error instanceof TaskStartError)) {
      this.#context.log.warn({ err: error, task_id: task.id }, 'task start failed');
    }
    await containers?.stop();
    try {
      await this.#targets.deregister(task.targets);
    } catch (deregisterError) {
      this.#context.log.warn({ err: deregisterError, task_id: task.id }, 'task not deregistered');
    }
    const [first] = task.containers;
    if (first && !task.containers.some((one) => one.reason !== undefined)) first.reason = reason;
    this.#stopped(task, 'TaskFailedToStart', reason);
  }

  async #runToEnd({ task, containers, ordered, hurry }: Life): Promise<void> {
    if (!containers) return;
    const endOrOrder = await Promise.race([containers.ended, ordered.promise]);
    // One that is only unhealthy still runs, and gets the time to answer what it has been asked.
    if ('exited' in endOrOrder) await this.#targets.deregister(task.targets);
    else await this.#retire(task, containers, hurry);
    await containers.stop();
    if ('unhealthy' in endOrOrder) this.#stopped(task, 'ServiceSchedulerInitiated', FAILED_CONTAINER_HEALTH);
    else this.#stopped(task, 'EssentialContainerExited', 'Essential container in task exited');
  }

  async #retire(task: TaskRecord, containers: TaskContainers, hurry: AbortController): Promise<void> {
    this.#advance(task, 'DEACTIVATING');
    await this.#targets.deregister(task.targets);
    void abortAfter(containers.exited, hurry);
    await this.#targets.drained(task.targets, hurry.signal);
    this.#advance(task, 'STOPPING');
    await containers.stop();
    this.#advance(task, 'DEPROVISIONING');
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
    this.#context.publish?.(taskStateChange(task, this.#context.now()));
  }
}

/** Nothing is left to drain for once an essential container has ended. */
async function abortAfter(exited: Promise<void>, hurry: AbortController): Promise<void> {
  await exited;
  hurry.abort();
}

function targetOf(
  { targetGroupArn, containerPort }: TaskStart['targetGroups'][number],
  place: TaskPlace,
): TaskTarget[] {
  const endpoint = place.endpoint(containerPort);
  return endpoint ? [{ targetGroupArn, ...endpoint }] : [];
}
