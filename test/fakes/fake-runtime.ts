import {
  type RunningTask,
  type TaskExit,
  type TaskLaunch,
  type TaskRuntime,
  TaskStartError,
} from '../../localcloud/task-runtime.ts';

/** One task that the fake runs: the test decides when and how it ends. */
export interface FakeTask {
  launch: TaskLaunch;
  port: number;
  exit(exit: TaskExit): void;
  over: boolean;
}

/** Runs nothing, remembers everything. `script` decides by image what happens to a task that starts. */
export class FakeRuntime implements TaskRuntime {
  readonly tasks: FakeTask[] = [];
  readonly script: Record<string, (task: FakeTask) => void> = {};
  reclaimed = 0;
  #nextPort = 10_000;

  get running(): FakeTask[] {
    return this.tasks.filter(({ over }) => !over);
  }

  async start(launch: TaskLaunch): Promise<RunningTask> {
    if (launch.image === 'missing') throw new TaskStartError('CannotPullContainerError: no such image');
    const exited = Promise.withResolvers<TaskExit>();
    const task: FakeTask = {
      launch,
      port: this.#nextPort++,
      over: false,
      exit(exit) {
        task.over = true;
        exited.resolve(exit);
      },
    };
    this.tasks.push(task);
    this.script[launch.image]?.(task);
    return {
      address: '127.0.0.1',
      port: task.port,
      exited: exited.promise,
      stop: async () => task.exit({ exitCode: 0 }),
    };
  }

  async reclaim(): Promise<void> {
    this.reclaimed += 1;
  }
}
