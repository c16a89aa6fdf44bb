import { type EcsContext, type ServiceRecord, type TaskRecord, tasksOf, type TaskTarget } from './state.ts';
import { targetKey, type Targets, type TargetState } from './targets.ts';

/** The health of targets, by target group and target. */
export type HealthStates = ReadonlyMap<string, ReadonlyMap<string, TargetState>>;

export interface FailedTask {
  task: TaskRecord;
  targetGroupArn: string;
  /** What the load balancer says of it. */
  reason: string;
}

/** Knows which tasks serve: RUNNING, healthy inside, and healthy in every target group that they are in. */
export class HealthWatch {
  readonly #context: EcsContext;
  readonly #targets: Targets;
  readonly #healthy = new Set<string>();
  /** When a task was first seen RUNNING, on the clock that never steps: where its grace period begins. */
  readonly #runningSince = new Map<string, number>();

  constructor({ context, targets }: { context: EcsContext; targets: Targets }) {
    this.#context = context;
    this.#targets = targets;
  }

  async read(service: ServiceRecord): Promise<HealthStates> {
    const groups = new Set(
      this.#running(service).flatMap(({ targets }) => targets.map(({ targetGroupArn }) => targetGroupArn)),
    );
    const states = await Promise.all(
      [...groups].map(async (arn) => [arn, await this.#targets.health(arn)] as const),
    );
    return new Map(states);
  }

  /** Takes in what was read; returns the tasks that failed their health checks after their grace period. */
  judge(service: ServiceRecord, states: HealthStates): FailedTask[] {
    const graceMs = (service.settings.healthCheckGracePeriodSeconds ?? 0) * 1000;
    const now = this.#context.clock.monotonic();
    return this.#running(service).flatMap((task) => {
      const since = this.#runningSince.get(task.id) ?? now;
      this.#runningSince.set(task.id, since);
      const inside = task.containers.every(
        ({ essential = true, healthStatus = 'HEALTHY' }) => !essential || healthStatus === 'HEALTHY',
      );
      if (inside && task.targets.every((target) => stateOf(target, states)?.state === 'healthy'))
        this.#becameHealthy(service, task);
      else this.#healthy.delete(task.id);
      const failed = task.targets.find((target) => stateOf(target, states)?.state === 'unhealthy');
      if (!failed || now - since < graceMs) return [];
      const reason = stateOf(failed, states)?.description || 'Health checks failed';
      return [{ task, targetGroupArn: failed.targetGroupArn, reason }];
    });
  }

  isHealthy({ id, lastStatus }: TaskRecord): boolean {
    return lastStatus === 'RUNNING' && this.#healthy.has(id);
  }

  forget({ id }: TaskRecord): void {
    this.#healthy.delete(id);
    this.#runningSince.delete(id);
  }

  #running(service: ServiceRecord): TaskRecord[] {
    return tasksOf(this.#context.state, service).filter(
      ({ lastStatus, desiredStatus }) => lastStatus === 'RUNNING' && desiredStatus === 'RUNNING',
    );
  }

  #becameHealthy(service: ServiceRecord, task: TaskRecord): void {
    if (this.#healthy.has(task.id)) return;
    this.#healthy.add(task.id);
    const breaker = service.settings.deploymentConfiguration?.deploymentCircuitBreaker;
    const deployment = service.deployments.find(({ id }) => id === task.deployment);
    if (deployment && breaker?.resetOnHealthyTask !== false) deployment.failedTasks = 0;
  }
}

function stateOf(target: TaskTarget, states: HealthStates): TargetState | undefined {
  return states.get(target.targetGroupArn)?.get(targetKey(target));
}
