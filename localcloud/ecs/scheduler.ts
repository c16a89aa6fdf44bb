import {
  addEvent,
  completeDeployment,
  failDeployment,
  isInProgress,
  refusePlacement,
} from './deployments.ts';
import { type FailedTask, HealthWatch } from './health-watch.ts';
import { placementRefusal } from './placement.ts';
import { breakerThreshold, isSteady, planRollout, type RolloutView } from './rollout.ts';
import {
  type DeploymentRecord,
  type EcsContext,
  type ServiceRecord,
  type TaskDefinitionRecord,
  type TaskRecord,
  tasksOf,
} from './state.ts';
import { StartPace } from './start-pace.ts';
import { SteadyWait } from './steady-wait.ts';
import type { Targets } from './targets.ts';
import { FAILED_CONTAINER_HEALTH, type TaskLives } from './task-life.ts';
import { launchOf, type LogSink, newTask, ordersOf, providerOf, targetGroupsOf } from './task-start.ts';
import type { TaskDefinitions } from './task-definitions.ts';

/** When nothing is being deployed, target health is looked at this many times less often. */
const IDLE_POLL_FACTOR = 10;

export interface SchedulerDeps {
  context: EcsContext;
  definitions: TaskDefinitions;
  lives: TaskLives;
  targets: Targets;
  logs: LogSink;
  pollMs: number;
}

/**
 * The service scheduler: keeps every service at its desired tasks, rolls deployments out and judges them. Level
 * triggered: each pass looks at the whole service and does the next step; passes of one service never overlap.
 */
export class ServiceScheduler {
  readonly #deps: SchedulerDeps;
  readonly #context: EcsContext;
  readonly #health: HealthWatch;
  readonly #pace: StartPace;
  readonly #settling: SteadyWait;
  readonly #passes = new Map<string, Promise<void>>();
  readonly #dirty = new Set<string>();
  readonly #timers = new Map<string, () => void>();
  readonly #steady = new Set<string>();
  #stopped = false;

  constructor(deps: SchedulerDeps) {
    this.#deps = deps;
    this.#context = deps.context;
    this.#health = new HealthWatch(deps);
    const { clock, realism } = deps.context;
    this.#pace = new StartPace(clock, () => realism?.delayMs('first_task') ?? 0);
    this.#settling = new SteadyWait(clock, () => realism?.delayMs('steady_state') ?? 0);
  }

  /** Has the service looked at soon; wakes during a pass lead to one more pass. */
  wake(serviceArn: string): void {
    if (this.#stopped) return;
    this.#dirty.add(serviceArn);
    if (this.#passes.has(serviceArn)) return;
    this.#passes.set(serviceArn, this.#run(serviceArn));
  }

  /** Reacts to a task that has changed by itself. */
  taskChanged(task: TaskRecord): void {
    if (task.lastStatus === 'STOPPED') this.#taskStopped(task);
    this.wake(task.service);
  }

  /** No pass runs and no timer is left once this resolves. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
    await Promise.all(this.#passes.values());
  }

  async #run(serviceArn: string): Promise<void> {
    let retryMs: number | undefined;
    // Not in the caller's turn: a call is answered, and its whole change made, before the scheduler acts on it.
    await Promise.resolve();
    while (!this.#stopped && this.#dirty.delete(serviceArn)) {
      try {
        retryMs = await this.#pass(serviceArn);
      } catch (error) {
        this.#context.log.error({ err: error, service_arn: serviceArn }, 'service scheduler pass failed');
        retryMs = this.#deps.pollMs * IDLE_POLL_FACTOR;
      }
    }
    this.#passes.delete(serviceArn);
    this.#timers.get(serviceArn)?.();
    this.#timers.delete(serviceArn);
    if (retryMs !== undefined && !this.#stopped) {
      this.#timers.set(
        serviceArn,
        this.#context.clock.after(retryMs, () => this.wake(serviceArn)),
      );
    }
  }

  /** One step for one service; returns after how many milliseconds to look again without being woken. */
  async #pass(serviceArn: string): Promise<number | undefined> {
    const service = this.#context.state.services.find(({ arn }) => arn === serviceArn);
    if (!service || service.status === 'INACTIVE') return undefined;
    if (service.status === 'DRAINING') return this.#drain(service);
    const states = await this.#health.read(service);
    // From here on nothing waits: what is decided is decided on one state of the service.
    if (service.status !== 'ACTIVE' || this.#stopped) return 0;
    const failed = this.#health.judge(service, states);
    for (const failure of failed) this.#replaceUnhealthy(service, failure);
    return this.#step(service);
  }

  #step(service: ServiceRecord): number | undefined {
    const primary = this.#conclude(service);
    if (!primary) return undefined;
    const waitMs = this.#pace.waitMs(service, primary);
    const view = this.#view(service, primary);
    const plan = planRollout(view);
    for (const id of plan.stop) this.#retire(service, id);
    const placed = waitMs === 0 && this.#startTasks(service, primary, plan.start);
    this.#context.saveIfTouched();
    const pollMs = this.#pollMs(service, primary);
    const startMs = plan.start > 0 && !placed ? [waitMs || this.#pace.waitMs(service, primary)] : [];
    const settleMs = isSteady(view) && isInProgress(primary) ? [this.#settling.steadyIn(primary)] : [];
    const waits = [...startMs, ...settleMs, ...(pollMs === undefined ? [] : [pollMs])];
    return waits.length === 0 ? undefined : Math.min(...waits);
  }

  /** False where the account has no room for all of them now: they will be tried again. */
  #startTasks(service: ServiceRecord, primary: DeploymentRecord, count: number): boolean {
    const { realism, state } = this.#context;
    for (let i = 0; i < count; i += 1) {
      const definition = this.#deps.definitions.find(primary.taskDefinition);
      const refusal =
        realism &&
        definition &&
        placementRefusal(definition, state, { realism, provider: providerOf(service) });
      if (refusal !== undefined) {
        refusePlacement(this.#context, service, refusal);
        this.#pace.postpone(service, primary, realism?.delayMs('placement_retry') ?? 0);
        return false;
      }
      this.#startTask(service, primary, definition);
    }
    return true;
  }

  /** Ends the rollout if it has succeeded or failed; returns the deployment that counts from now on. */
  #conclude(service: ServiceRecord): DeploymentRecord | undefined {
    const [primary] = service.deployments;
    if (!primary) return undefined;
    const steady = this.#isSteady(service, primary);
    if (isInProgress(primary)) {
      const threshold = breakerThreshold(service.settings.deploymentConfiguration, service.desiredCount);
      if (steady) completeDeployment(this.#context, service, primary);
      else if (threshold !== undefined && primary.failedTasks >= threshold) {
        failDeployment(this.#context, service, primary);
      }
    }
    if (steady && !this.#steady.has(service.arn))
      addEvent(this.#context, service, 'has reached a steady state.');
    if (steady) this.#steady.add(service.arn);
    else this.#steady.delete(service.arn);
    this.#dropReplaced(service);
    return service.deployments[0];
  }

  /** A rollout is steady only once it has been so for a while, on AWS; anything else at once. */
  #isSteady(service: ServiceRecord, primary: DeploymentRecord): boolean {
    const steady = isSteady(this.#view(service, primary));
    if (steady && isInProgress(primary)) return this.#settling.steadyIn(primary) === 0;
    this.#settling.forget(primary);
    return steady;
  }

  /** A deployment whose tasks have all been replaced is gone, but a failure stays visible while it is rolled back. */
  #dropReplaced(service: ServiceRecord): void {
    const live = new Set(this.#live(service).map(({ deployment }) => deployment));
    const kept = service.deployments.filter(
      ({ id, rolloutState }, i) => i === 0 || live.has(id) || rolloutState === 'FAILED',
    );
    if (kept.length === service.deployments.length) return;
    service.deployments = kept;
    this.#context.touch();
  }

  #drain(service: ServiceRecord): undefined {
    for (const task of this.#live(service)) this.#retire(service, task.id);
    if (tasksOf(this.#context.state, service).every(({ lastStatus }) => lastStatus === 'STOPPED')) {
      service.status = 'INACTIVE';
      service.inactiveAt = this.#context.now();
      this.#steady.delete(service.arn);
      this.#pace.forget(service);
      for (const deployment of service.deployments) this.#settling.forget(deployment);
      this.#context.touch();
    }
    this.#context.saveIfTouched();
    return undefined;
  }

  #startTask(
    service: ServiceRecord,
    deployment: DeploymentRecord,
    definition: TaskDefinitionRecord | undefined,
  ): void {
    if (!definition) {
      addEvent(this.#context, service, 'was unable to place a task. Reason: the task definition is gone.');
      return;
    }
    const id = this.#context.random.uuid().replaceAll('-', '');
    const task = newTask(service, deployment, definition, { id, now: this.#context.now() });
    this.#pace.started(service, deployment);
    this.#context.state.tasks.push(task);
    this.#context.save();
    addEvent(this.#context, service, `has started 1 tasks: (task ${id}).`);
    this.#deps.lives.begin(task, {
      launch: launchOf(task, definition, this.#deps.logs),
      orders: ordersOf(definition),
      targetGroups: targetGroupsOf(service),
    });
  }

  #retire(service: ServiceRecord, taskId: string): void {
    const task = this.#context.state.tasks.find(({ id }) => id === taskId);
    if (!task) return;
    addEvent(this.#context, service, `has stopped 1 running tasks: (task ${taskId}).`);
    const reason = `Scaling activity initiated by (deployment ${task.deployment})`;
    this.#deps.lives.stop(task, { stopCode: 'ServiceSchedulerInitiated', reason });
  }

  #replaceUnhealthy(service: ServiceRecord, { task, targetGroupArn, reason }: FailedTask): void {
    const port = task.targets.find((target) => target.targetGroupArn === targetGroupArn)?.port;
    addEvent(
      this.#context,
      service,
      `(port ${port}) is unhealthy in (target-group ${targetGroupArn}) due to (reason ${reason}).`,
    );
    this.#deps.lives.stop(task, {
      stopCode: 'ServiceSchedulerInitiated',
      reason: `Task failed ELB health checks in (target-group ${targetGroupArn})`,
    });
    const deployment = service.deployments.find(({ id }) => id === task.deployment);
    if (deployment) this.#countFailure(deployment);
  }

  /** A task that nobody ordered to stop has failed; how it failed decides when the next one starts. */
  #taskStopped(task: TaskRecord): void {
    this.#health.forget(task);
    if (!hasFailed(task)) return;
    const service = this.#context.state.services.find(({ arn }) => arn === task.service);
    const deployment = service?.deployments.find(({ id }) => id === task.deployment);
    if (!service || !deployment) return;
    const neverRan = task.stopCode === 'TaskFailedToStart';
    // Only the PRIMARY deployment starts tasks, so only its failures slow the service down.
    if (deployment === service.deployments[0]) this.#pace.failed(service, deployment, { neverRan });
    if (neverRan) {
      addEvent(this.#context, service, `was unable to place a task. Reason: ${task.stoppedReason}`);
    }
    this.#countFailure(deployment);
    this.#context.saveIfTouched();
  }

  #countFailure(deployment: DeploymentRecord): void {
    if (deployment.rolloutState !== 'IN_PROGRESS') return;
    deployment.failedTasks += 1;
    deployment.updatedAt = this.#context.now();
    this.#context.touch();
  }

  #view(service: ServiceRecord, primary: DeploymentRecord): RolloutView {
    const tasks = this.#live(service).map((task) => ({
      id: task.id,
      healthy: this.#health.isHealthy(task),
      isPrimary: task.deployment === primary.id,
    }));
    return {
      desired: service.desiredCount,
      configuration: service.settings.deploymentConfiguration,
      stalled: primary.rolloutState === 'FAILED',
      primary: tasks.filter(({ isPrimary }) => isPrimary),
      older: tasks.filter(({ isPrimary }) => !isPrimary),
    };
  }

  #live(service: ServiceRecord): TaskRecord[] {
    return tasksOf(this.#context.state, service).filter(({ desiredStatus }) => desiredStatus === 'RUNNING');
  }

  /** Only target health has to be polled for; everything else wakes the service. */
  #pollMs(service: ServiceRecord, primary: DeploymentRecord): number | undefined {
    if (!service.settings.loadBalancers?.length || this.#live(service).length === 0) return undefined;
    const { pollMs } = this.#deps;
    return isInProgress(primary) ? pollMs : pollMs * IDLE_POLL_FACTOR;
  }
}

/** Whether a task ended by its own fault, and not because somebody ordered it to. */
function hasFailed({ stopCode, stoppedReason }: TaskRecord): boolean {
  return (
    stopCode === 'TaskFailedToStart' ||
    stopCode === 'EssentialContainerExited' ||
    stoppedReason === FAILED_CONTAINER_HEALTH
  );
}
