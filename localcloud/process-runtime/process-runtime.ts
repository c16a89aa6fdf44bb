import { join } from 'node:path';

import type { Clock } from '../../platform/clock.ts';
import type { Env } from '../../platform/config.ts';
import type { Log } from '../../platform/log.ts';
import { fileState, type StateStore } from '../state.ts';
import type {
  ContainerLaunch,
  RunningContainer,
  TaskLaunch,
  TaskPlace,
  TaskRuntime,
} from '../task-runtime.ts';
import { type ProcessCommand, type ProcessImage, resolveCommand } from './command.ts';
import type { GuardedProcess } from './guarded-process.ts';
import { HostPorts } from './host-ports.ts';
import { groupGone, killLeftovers, type RecordedGroup } from './process-group.ts';
import { TaskProcesses } from './task-processes.ts';

const LOOPBACK = '127.0.0.1';
/** Stands for the program of a health check where an image is asked for. */
const CHECK = 'health-check';

interface Place {
  launch: TaskLaunch;
  processes: TaskProcesses;
  /** The port of this machine that a container port got. */
  lent: ReadonlyMap<number, number>;
}

/** What a task sees of the machine's own environment: enough to find programs, nothing that is private. */
const HOST_ENV = ['PATH', 'HOME', 'LANG', 'TMPDIR', 'USER'] as const;

export interface ProcessRuntimeDeps {
  clock: Clock;
  log: Log;
  /** The folder in which running tasks are written down. */
  path: string;
  /** The images that this runtime can run, each a program of this machine. */
  images: Readonly<Record<string, ProcessImage>>;
  hostEnv: Env;
  platform?: NodeJS.Platform;
}

/**
 * Runs tasks as child processes. Nothing of a task outlives its end, its `stop` or this process, not even when
 * this process is killed: see guard.sh. Only a process that leaves its process group on purpose (setsid) escapes.
 * A command that dies of signal n exits with 128 + n, as shells and container engines report it.
 *
 * Throws on systems without POSIX process groups.
 */
export function createProcessRuntime(deps: ProcessRuntimeDeps): TaskRuntime {
  const platform = deps.platform ?? process.platform;
  if (platform === 'win32') {
    throw new Error('tasks need POSIX process groups, which Windows lacks: run this under WSL instead');
  }
  return new ProcessRuntime({ ...deps, platform });
}

class ProcessRuntime implements TaskRuntime {
  readonly #deps: Required<ProcessRuntimeDeps>;
  readonly #ports = new HostPorts();
  readonly #store: StateStore<RecordedGroup[]>;
  #recorded: RecordedGroup[];

  constructor(deps: Required<ProcessRuntimeDeps>) {
    this.#deps = deps;
    this.#store = fileState(join(deps.path, 'processes.json'));
    this.#recorded = this.#store.load() ?? [];
  }

  async prepare(launch: TaskLaunch): Promise<TaskPlace> {
    const lent = new Map<number, number>();
    const processes = new TaskProcesses(this.#deps);
    const giveBack = () => {
      for (const port of lent.values()) this.#ports.release(port);
      lent.clear();
    };
    try {
      for (const port of launch.containers.flatMap(({ ports }) => ports))
        lent.set(port, await this.#ports.claim(port));
    } catch (error) {
      giveBack();
      throw error;
    }
    return {
      endpoint: (port) => {
        const at = lent.get(port);
        return at === undefined ? undefined : { address: LOOPBACK, port: at };
      },
      start: async (name) => {
        const container = launch.containers.find((one) => one.name === name);
        if (!container) throw new Error(`the task has no container ${name}`);
        return this.#start(container, { launch, lent, processes });
      },
      close: async () => {
        await processes.end();
        giveBack();
      },
    };
  }

  async reclaim(): Promise<void> {
    const killed = await killLeftovers(this.#recorded, this.#deps.clock, this.#deps.platform);
    for (const taskId of killed) this.#deps.log.info({ task_id: taskId }, 'left-over process killed');
    this.#record([]);
  }

  async #start(container: ContainerLaunch, place: Place): Promise<RunningContainer> {
    const { launch, lent, processes } = place;
    const env = { ...this.#hostEnv(), ...container.env, ...portsOf(container, launch.containers, lent) };
    const command = resolveCommand(container, this.#deps.images, env['PATH'] ?? '');
    const options = { taskId: launch.taskId, stopTimeoutMs: container.stopTimeoutMs, env };
    const { clock, log } = this.#deps;
    const started = await processes.spawn(command, { ...options, onLine: container.onLog, clock });
    this.#recordStart(started, launch.taskId);
    const facts = { task_id: launch.taskId, container: container.name, pgid: started.pgid };
    log.debug({ ...facts, port: env['PORT'] }, 'process started');
    const exited = started.ended.then(async (exit) => {
      await this.#forget(started.pgid);
      log.debug({ ...facts, ...exit }, 'process ended');
      return exit;
    });
    return {
      exited,
      stop: async () => {
        started.signal('SIGTERM');
        const cancelKill = clock.after(container.stopTimeoutMs, () => started.signal('SIGKILL'));
        await exited;
        cancelKill();
      },
      check: (argv, timeoutMs) => this.#check(argv, timeoutMs, { command, env, place }),
    };
  }

  /** A health check is a process like the container's own: same folder, same environment, same guard. */
  async #check(
    argv: readonly string[],
    timeoutMs: number,
    { command, env, place }: { command: ProcessCommand; env: Record<string, string>; place: Place },
  ): Promise<boolean> {
    const { clock, log } = this.#deps;
    const { taskId } = place.launch;
    try {
      const launch = { image: CHECK, command: [...argv], workdir: command.workdir };
      const check = resolveCommand(launch, { [CHECK]: { command: [] } }, env['PATH'] ?? '');
      const options = { taskId, stopTimeoutMs: timeoutMs, env, onLine: () => undefined, clock };
      const started = await place.processes.spawn(check, options);
      const cancelKill = clock.after(timeoutMs, () => started.signal('SIGKILL'));
      const { exitCode } = await started.ended;
      cancelKill();
      return exitCode === 0;
    } catch (error) {
      log.debug({ err: error, task_id: taskId }, 'health check could not be run');
      return false;
    }
  }

  async #forget(pgid: number): Promise<void> {
    try {
      await groupGone(pgid, this.#deps.clock, this.#deps.platform);
      this.#record(this.#recorded.filter((group) => group.pgid !== pgid));
    } catch (error) {
      // The record then stays, and reclaim() looks at it again: that is what it is for.
      this.#deps.log.error({ err: error, pgid }, 'process end not recorded');
    }
  }

  #hostEnv(): Record<string, string> {
    const host = HOST_ENV.flatMap((name) => {
      const value = this.#deps.hostEnv[name];
      return value === undefined ? [] : [[name, value] as const];
    });
    return Object.fromEntries(host);
  }

  #recordStart(started: GuardedProcess, taskId: string): void {
    try {
      this.#record([...this.#recorded, { pgid: started.pgid, taskId }]);
    } catch (error) {
      started.signal('SIGKILL');
      throw error;
    }
  }

  #record(groups: RecordedGroup[]): void {
    this.#recorded = groups;
    this.#store.save(groups);
  }
}

/**
 * The processes of all tasks share this machine's ports: a container listens where it was lent a port, and finds the
 * others of its task by their `PORT_<NAME>`, where its environment has one.
 */
function portsOf(
  container: ContainerLaunch,
  all: readonly ContainerLaunch[],
  lent: ReadonlyMap<number, number>,
): Record<string, string> {
  const own = lent.get(container.ports[0] ?? -1);
  const others = all.flatMap(({ name, ports: [first] }) => {
    const port = lent.get(first ?? -1);
    const variable = `PORT_${name.toUpperCase().replaceAll('-', '_')}`;
    return port === undefined || !Object.hasOwn(container.env, variable) ? [] : [[variable, String(port)]];
  });
  return { ...Object.fromEntries(others), ...(own === undefined ? {} : { PORT: String(own) }) };
}
