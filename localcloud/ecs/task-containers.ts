import type { ContainerDependency, HealthCheck } from '@aws-sdk/client-ecs';
import type { Clock } from '../../platform/clock.ts';
import {
  type ContainerExit,
  type RunningContainer,
  type TaskPlace,
  TaskStartError,
} from '../task-runtime.ts';
import { watchHealth } from './container-health.ts';
import type { ContainerRecord } from './state.ts';

/** What a container definition says about a container's place in its task. */
export interface ContainerOrder {
  name: string;
  essential: boolean;
  dependsOn: readonly ContainerDependency[];
  healthCheck?: HealthCheck;
  startTimeoutMs: number;
}

/** Why a task has to end by itself. */
export type TaskEnd = { exited: string } | { unhealthy: string };

const SIGNAL_EXIT_CODES: Readonly<Record<string, number>> = { SIGKILL: 137, SIGTERM: 143 };

interface Member {
  order: ContainerOrder;
  record: ContainerRecord;
  started: PromiseWithResolvers<RunningContainer>;
  exited: PromiseWithResolvers<ContainerExit>;
  healthy: PromiseWithResolvers<void>;
  running?: RunningContainer;
}

/**
 * Leads the containers of one task, as the agent of ECS does: in the order of their dependencies, and to the end of all
 * when an essential one ends or gets unhealthy.
 */
export class TaskContainers {
  readonly #place: TaskPlace;
  readonly #clock: Clock;
  readonly #members: Map<string, Member>;
  readonly #over = new AbortController();
  readonly #ended = Promise.withResolvers<TaskEnd>();
  readonly #changed: () => void;
  #starts: Promise<void>[] = [];
  /** In the order in which they were started. */
  readonly #running: Member[] = [];
  #stopped: Promise<void> | undefined;

  constructor(deps: {
    place: TaskPlace;
    clock: Clock;
    orders: readonly ContainerOrder[];
    records: readonly ContainerRecord[];
    /** Called when the health of a container has changed. */
    changed: () => void;
  }) {
    this.#place = deps.place;
    this.#clock = deps.clock;
    this.#changed = deps.changed;
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

  /** Starts every container, each when those that it depends on are as far as it asks. Rejects with TaskStartError. */
  async start(): Promise<void> {
    this.#starts = [...this.#members.values()].map((member) => this.#start(member));
    await Promise.race([Promise.all(this.#starts), this.#ended.promise]);
  }

  /** The last that was started goes first; resolves when nothing of the task runs any more. */
  stop(): Promise<void> {
    return (this.#stopped ??= this.#stop());
  }

  async #stop(): Promise<void> {
    this.#over.abort();
    await Promise.allSettled(this.#starts);
    for (const { running, exited } of this.#running.toReversed()) {
      await running?.stop();
      await exited.promise;
    }
    await this.#place.close();
  }

  async #start(member: Member): Promise<void> {
    const { order, record } = member;
    await this.#dependencies(order);
    if (this.#over.signal.aborted) return;
    try {
      member.running = await this.#place.start(order.name);
    } catch (error) {
      record.reason = error instanceof Error ? error.message : String(error);
      throw error;
    }
    this.#running.push(member);
    record.lastStatus = 'RUNNING';
    void this.#end(member, member.running);
    if (order.healthCheck) void this.#watch(member, member.running, order.healthCheck);
    member.started.resolve(member.running);
  }

  async #end(member: Member, running: RunningContainer): Promise<void> {
    const exit = await running.exited;
    const { record, order } = member;
    record.lastStatus = 'STOPPED';
    record.exitCode = exit.exitCode ?? SIGNAL_EXIT_CODES[exit.signal ?? ''] ?? 137;
    if (exit.reason !== undefined) record.reason = exit.reason;
    member.exited.resolve(exit);
    if (order.essential) this.#ended.resolve({ exited: order.name });
  }

  async #watch(member: Member, running: RunningContainer, check: HealthCheck): Promise<void> {
    const { record, order } = member;
    const over = AbortSignal.any([this.#over.signal, aborted(running.exited)]);
    for await (const healthStatus of watchHealth(running, check, this.#clock, over)) {
      record.healthStatus = healthStatus;
      this.#changed();
      if (healthStatus === 'HEALTHY') member.healthy.resolve();
      else if (order.essential) this.#ended.resolve({ unhealthy: order.name });
    }
  }

  async #dependencies({ name, dependsOn, startTimeoutMs }: ContainerOrder): Promise<void> {
    if (dependsOn.length === 0) return;
    const late = this.#clock.sleep(startTimeoutMs, this.#over.signal).then(() => 'late' as const);
    const met = Promise.all(dependsOn.map((dependency) => this.#met(dependency)));
    if ((await Promise.race([met, late])) === 'late' && !this.#over.signal.aborted)
      throw new TaskStartError(`ContainerStartTimeoutError: ${name} waited too long for what it depends on`);
  }

  async #met({ containerName = '', condition }: ContainerDependency): Promise<void> {
    const member = this.#members.get(containerName);
    switch (condition) {
      case 'HEALTHY':
        await member?.healthy.promise;
        return;
      case 'COMPLETE':
        await member?.exited.promise;
        return;
      case 'SUCCESS': {
        const exit = await member?.exited.promise;
        if (exit?.exitCode === 0) return;
        throw new TaskStartError(`${containerName}, which others depend on, did not end with exit code 0`);
      }
      case 'START':
      case undefined:
        await member?.started.promise;
    }
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

function aborted(when: Promise<unknown>): AbortSignal {
  const controller = new AbortController();
  void when.then(() => controller.abort());
  return controller.signal;
}
