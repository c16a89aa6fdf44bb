import type { ContainerDependency, HealthCheck } from '@aws-sdk/client-ecs';
import type { Clock } from '../../platform/clock.ts';
import { type RunningContainer, type TaskPlace, TaskStartError } from '../task-runtime.ts';
import { type Progress, unmet } from './container-dependency.ts';
import { watchHealth } from './container-health.ts';
import type { ContainerRecord } from './state.ts';

/** What a container definition says about a container's place in its task. */
export interface ContainerOrder {
  name: string;
  essential: boolean;
  dependsOn: readonly ContainerDependency[];
  healthCheck?: HealthCheck;
  /** How long after its start others wait for it to be healthy or to end. Absent: as long as it takes. */
  startTimeoutMs?: number;
}

/** Why a task has to end by itself. */
export type TaskEnd = { exited: string } | { unhealthy: string };

export interface TaskContainersDeps {
  place: TaskPlace;
  clock: Clock;
  orders: readonly ContainerOrder[];
  records: readonly ContainerRecord[];
  /** How often a container is checked that has not been healthy yet. */
  firstLookMs: number;
  /** Called when the health of a container has changed. */
  changed: () => void;
}

const SIGNAL_EXIT_CODES: Readonly<Record<string, number>> = { SIGKILL: 137, SIGTERM: 143 };

interface Member extends Progress {
  order: ContainerOrder;
  record: ContainerRecord;
}

/**
 * Leads the containers of one task, as the agent of ECS does: in the order of their dependencies, and to the end of all
 * when an essential one ends or gets unhealthy. What is not essential can neither fail the task nor end it.
 */
export class TaskContainers {
  readonly #deps: TaskContainersDeps;
  readonly #members: Map<string, Member>;
  readonly #over = new AbortController();
  readonly #whenOver = whenAborted(this.#over.signal);
  readonly #ended = Promise.withResolvers<TaskEnd>();
  readonly #exited = Promise.withResolvers<void>();
  #starts: Promise<void>[] = [];
  #stopped: Promise<void> | undefined;

  constructor(deps: TaskContainersDeps) {
    this.#deps = deps;
    this.#members = new Map(
      deps.orders.map((order, i) => {
        const record = deps.records[i] ?? { name: order.name, image: '' };
        return [order.name, memberOf(order, record)];
      }),
    );
  }

  /** Resolves when an essential container has ended, or does not get or stay healthy. */
  get ended(): Promise<TaskEnd> {
    return this.#ended.promise;
  }

  /** Resolves when an essential container has ended, whatever was the matter with the task before. */
  get exited(): Promise<void> {
    return this.#exited.promise;
  }

  /** Starts every container, each when those that it depends on are as far as it asks. Rejects with TaskStartError. */
  async start(): Promise<void> {
    this.#starts = [...this.#members.values()].map((member) => this.#start(member));
    await Promise.race([Promise.all(this.#starts), this.#ended.promise]);
  }

  /** Each goes when those that depend on it have ended; resolves when nothing of the task runs any more. */
  stop(): Promise<void> {
    return (this.#stopped ??= this.#stop());
  }

  async #stop(): Promise<void> {
    this.#over.abort();
    await Promise.allSettled(this.#starts);
    const running = [...this.#members.values()].filter((member) => member.running);
    await Promise.all(
      running.map(async (member) => {
        const dependents = running.filter((other) => needs(other, member));
        await Promise.all(dependents.map(({ exited }) => exited.promise));
        await member.running?.stop();
        await member.exited.promise;
      }),
    );
    await this.#deps.place.close();
  }

  async #start(member: Member): Promise<void> {
    const { order, record } = member;
    try {
      await this.#dependencies(order);
      if (this.#over.signal.aborted) return;
      member.running = await this.#deps.place.start(order.name);
    } catch (error) {
      record.reason = error instanceof Error ? error.message : String(error);
      if (order.essential || !(error instanceof TaskStartError)) throw error;
      record.lastStatus = 'STOPPED';
      member.started.resolve();
      member.exited.resolve({});
      return;
    }
    record.lastStatus = 'RUNNING';
    void this.#end(member, member.running);
    if (order.healthCheck) void this.#watch(member, member.running, order.healthCheck);
    member.started.resolve();
  }

  async #end(member: Member, running: RunningContainer): Promise<void> {
    const exit = await running.exited;
    const { record, order } = member;
    record.lastStatus = 'STOPPED';
    record.exitCode = exit.exitCode ?? SIGNAL_EXIT_CODES[exit.signal ?? ''] ?? 137;
    if (exit.reason !== undefined) record.reason = exit.reason;
    member.exited.resolve(exit);
    if (!order.essential) return;
    this.#ended.resolve({ exited: order.name });
    this.#exited.resolve();
  }

  async #watch(member: Member, running: RunningContainer, check: HealthCheck): Promise<void> {
    const { record, order } = member;
    const { clock, firstLookMs } = this.#deps;
    const over = AbortSignal.any([this.#over.signal, abortedAfter(running.exited)]);
    for await (const healthStatus of watchHealth(running, check, { clock, firstLookMs, over })) {
      record.healthStatus = healthStatus;
      this.#deps.changed();
      if (healthStatus === 'HEALTHY') member.healthy.resolve();
      else if (order.essential) this.#ended.resolve({ unhealthy: order.name });
    }
  }

  async #dependencies({ name, dependsOn }: ContainerOrder): Promise<void> {
    if (dependsOn.length === 0) return;
    await Promise.all(dependsOn.map((dependency) => this.#dependency(name, dependency)));
  }

  /** Resolves when it is met, or the task is over. Rejects when it can or may not be met any more. */
  async #dependency(name: string, { containerName = '', condition }: ContainerDependency): Promise<void> {
    const other = this.#members.get(containerName);
    if (!other) return;
    await Promise.race([other.started.promise, this.#whenOver]);
    const settled = new AbortController();
    const why = await Promise.race([unmet(other, condition), this.#lateness(other, settled.signal)]);
    settled.abort();
    if (why !== undefined && !this.#over.signal.aborted)
      throw new TaskStartError(
        `CannotStartContainerError: dependency graph: container ordering dependency [${containerName}] for target [${name}] ${why}.`,
      );
  }

  async #lateness({ order }: Member, settled: AbortSignal): Promise<string | undefined> {
    if (order.startTimeoutMs === undefined) return this.#whenOver;
    await this.#deps.clock.sleep(order.startTimeoutMs, AbortSignal.any([this.#over.signal, settled]));
    return 'has timed out';
  }
}

function memberOf(order: ContainerOrder, record: ContainerRecord): Member {
  return {
    order,
    record,
    started: Promise.withResolvers(),
    exited: Promise.withResolvers(),
    healthy: Promise.withResolvers(),
  };
}

function needs({ order }: Member, { order: { name } }: Member): boolean {
  return order.dependsOn.some(({ containerName }) => containerName === name);
}

function abortedAfter(when: Promise<unknown>): AbortSignal {
  const controller = new AbortController();
  void when.then(() => controller.abort());
  return controller.signal;
}

function whenAborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}
