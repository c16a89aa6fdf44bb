/** One container of a task, as a runtime is told of it: the essence of a container definition, resolved. */
export interface ContainerLaunch {
  name: string;
  image: string;
  /** They replace the image's own ENTRYPOINT and CMD; each that is absent keeps the image's. */
  entryPoint?: string[];
  command?: string[];
  workdir?: string;
  env: Readonly<Record<string, string>>;
  /** The ports that the task definition maps. */
  ports: readonly number[];
  /** Limits of this container within the task's own: CPU units (1024 = 1 vCPU) and MiB. */
  cpu?: number;
  memory?: number;
  /** Between SIGTERM and SIGKILL. */
  stopTimeoutMs: number;
  /** Receives every complete line that the container writes to stdout or stderr. */
  onLog: (line: string) => void;
}

/** What a runtime is told of one task. */
export interface TaskLaunch {
  taskId: string;
  /** The size of the whole task: CPU units and MiB. */
  cpu: number;
  memory: number;
  /** Which processor the images are for; absent: whichever this machine has. */
  arch?: 'X86_64' | 'ARM64';
  containers: readonly ContainerLaunch[];
}

export interface ContainerExit {
  /** Absent when a signal ended it. */
  exitCode?: number;
  signal?: string;
  /** In AWS's words, where the exit code does not say it all: `OutOfMemoryError: …`. */
  reason?: string;
}

export interface RunningContainer {
  /** Resolves once, when the container has ended for whatever reason; never rejects. */
  exited: Promise<ContainerExit>;
  /** SIGTERM, then SIGKILL after the stop timeout; resolves when nothing of the container runs any more. */
  stop(): Promise<void>;
  /** Runs a health check inside the container: whether `argv` ended with 0 within `timeoutMs`. Never rejects. */
  check(argv: readonly string[], timeoutMs: number): Promise<boolean>;
}

/** The place of one task: its containers share a network, so that each reaches the others on localhost. */
export interface TaskPlace {
  /** Where the load balancer reaches a mapped port; undefined for a port that nobody maps. */
  endpoint(containerPort: number): { address: string; port: number } | undefined;
  /** Starts a container of the launch, once. Rejects with TaskStartError. */
  start(container: string): Promise<RunningContainer>;
  /** Ends whatever still runs, and gives back all that the task held. */
  close(): Promise<void>;
}

/** A task could not be started. The message is the `stoppedReason` in AWS's words. */
export class TaskStartError extends Error {
  override name = 'TaskStartError';
}

/** Runs tasks for real: child processes, containers, or nothing at all in the simulation. */
export interface TaskRuntime {
  /** Gets what a task needs before its first container starts: images, ports, a network. Rejects with TaskStartError. */
  prepare(launch: TaskLaunch): Promise<TaskPlace>;
  /** Ends whatever an earlier process that died left running. Called once, before the first task. */
  reclaim(): Promise<void>;
}
