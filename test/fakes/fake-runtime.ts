import {
  type ContainerExit,
  type ContainerLaunch,
  type RunningContainer,
  type TaskLaunch,
  type TaskPlace,
  type TaskRuntime,
  TaskStartError,
} from '../../localcloud/task-runtime.ts';

/** One container that the fake runs: the test decides when and how it ends, and how healthy it is. */
export interface FakeTask {
  launch: ContainerLaunch & { taskId: string };
  port: number;
  exit(exit: ContainerExit): void;
  over: boolean;
  healthy: boolean;
}

/** Runs nothing, remembers everything. `script` decides by image what becomes of a container, or throws if it cannot start. */
export class FakeRuntime implements TaskRuntime {
  readonly tasks: FakeTask[] = [];
  readonly script: Record<string, (task: FakeTask) => void> = {};
  /** The containers that were ordered to stop, in that order. */
  readonly stopped: string[] = [];
  reclaimed = 0;
  closed = 0;
  #nextPort = 10_000;

  get running(): FakeTask[] {
    return this.tasks.filter(({ over }) => !over);
  }

  async prepare({ taskId, containers }: TaskLaunch): Promise<TaskPlace> {
    const missing = containers.find(({ image }) => image === 'missing');
    if (missing) throw new TaskStartError('CannotPullContainerError: no such image');
    const ports = new Map(
      containers.flatMap((one) => one.ports).map((port) => [port, this.#nextPort++] as const),
    );
    return {
      endpoint: (port) => {
        const at = ports.get(port);
        return at === undefined ? undefined : { address: '127.0.0.1', port: at };
      },
      start: async (name) => {
        const container = containers.find((one) => one.name === name);
        if (!container) throw new Error(`no container ${name}`);
        const port = ports.get(container.ports[0] ?? -1) ?? this.#nextPort++;
        return this.#start({ ...container, taskId }, port);
      },
      close: async () => {
        this.closed += 1;
      },
    };
  }

  #start(launch: FakeTask['launch'], port: number): RunningContainer {
    const exited = Promise.withResolvers<ContainerExit>();
    const task: FakeTask = {
      launch,
      port,
      over: false,
      healthy: true,
      exit(exit) {
        task.over = true;
        exited.resolve(exit);
      },
    };
    this.script[launch.image]?.(task);
    this.tasks.push(task);
    return {
      exited: exited.promise,
      stop: async () => {
        this.stopped.push(launch.name);
        task.exit({ exitCode: 0 });
      },
      check: async () => task.healthy && !task.over,
    };
  }

  async reclaim(): Promise<void> {
    this.reclaimed += 1;
  }
}
