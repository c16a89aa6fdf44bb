/** What a container runtime is told about one task: the essence of a task definition, resolved. */
export interface TaskLaunch {
  taskId: string;
  image: string;
  /** argv that replaces the image's own command. */
  command?: string[];
  workdir?: string;
  env: Readonly<Record<string, string>>;
  /** The port that the task definition maps; the runtime may serve it on another host port. */
  containerPort?: number;
  cpu: number;
  memory: number;
  /** Between SIGTERM and SIGKILL. */
  stopTimeoutMs: number;
  /** Receives every complete line that the task writes to stdout or stderr. */
  onLog: (line: string) => void;
}

export interface TaskExit {
  /** Absent when a signal ended it. */
  exitCode?: number;
  signal?: string;
}

export interface RunningTask {
  /** Where the load balancer reaches it. */
  address: string;
  port?: number;
  /** SIGTERM, then SIGKILL after the stop timeout; resolves when nothing of the task runs any more. */
  stop(): Promise<void>;
  /** Resolves once, when the task has ended for whatever reason; never rejects. */
  exited: Promise<TaskExit>;
}

/** A task could not be started. The message is the `stoppedReason` in AWS's words. */
export class TaskStartError extends Error {
  override name = 'TaskStartError';
}

/** Runs tasks for real: child processes, containers, or nothing at all in the simulation. */
export interface TaskRuntime {
  /** Rejects with TaskStartError. */
  start(launch: TaskLaunch): Promise<RunningTask>;
  /** Ends whatever an earlier process that died left running. Called once, before the first start. */
  reclaim(): Promise<void>;
}
