import { join } from 'node:path';

import type { Clock } from '../../platform/clock.ts';
import type { Env } from '../../platform/config.ts';
import type { Log } from '../../platform/log.ts';
import { fileState, type StateStore } from '../state.ts';
import type { RunningTask, TaskLaunch, TaskRuntime } from '../task-runtime.ts';
import { type ProcessImage, resolveCommand } from './command.ts';
import { type GuardedProcess, spawnGuarded } from './guarded-process.ts';
import { HostPorts } from './host-ports.ts';
import { groupGone, killLeftovers, type RecordedGroup } from './process-group.ts';

const LOOPBACK = '127.0.0.1';

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

  async start(launch: TaskLaunch): Promise<RunningTask> {
    const env = this.#env(launch);
    const command = resolveCommand(launch, this.#deps.images, env['PATH'] ?? '');
    const port =
      launch.containerPort === undefined ? undefined : await this.#ports.claim(launch.containerPort);
    if (port !== undefined) env['PORT'] = String(port);
    try {
      const started = await spawnGuarded(command, {
        taskId: launch.taskId,
        stopTimeoutMs: launch.stopTimeoutMs,
        env,
        onLine: launch.onLog,
        clock: this.#deps.clock,
      });
      this.#recordStart(started, launch.taskId);
      this.#deps.log.debug({ task_id: launch.taskId, pgid: started.pgid, port }, 'process started');
      return this.#running(launch, started, port);
    } catch (error) {
      if (port !== undefined) this.#ports.release(port);
      throw error;
    }
  }

  async reclaim(): Promise<void> {
    const killed = await killLeftovers(this.#recorded, this.#deps.clock, this.#deps.platform);
    for (const taskId of killed) this.#deps.log.info({ task_id: taskId }, 'left-over process killed');
    this.#record([]);
  }

  #running(launch: TaskLaunch, started: GuardedProcess, port: number | undefined): RunningTask {
    const exited = started.ended.then(async (exit) => {
      await this.#forget(started.pgid, port);
      this.#deps.log.debug({ task_id: launch.taskId, pgid: started.pgid, ...exit }, 'process ended');
      return exit;
    });
    return {
      address: LOOPBACK,
      ...(port === undefined ? {} : { port }),
      exited,
      stop: async () => {
        started.signal('SIGTERM');
        const cancelKill = this.#deps.clock.after(launch.stopTimeoutMs, () => started.signal('SIGKILL'));
        await exited;
        cancelKill();
      },
    };
  }

  async #forget(pgid: number, port: number | undefined): Promise<void> {
    try {
      await groupGone(pgid, this.#deps.clock, this.#deps.platform);
      this.#record(this.#recorded.filter((group) => group.pgid !== pgid));
    } catch (error) {
      // The record then stays, and reclaim() looks at it again: that is what it is for.
      this.#deps.log.error({ err: error, pgid }, 'process end not recorded');
    }
    if (port !== undefined) this.#ports.release(port);
  }

  #env(launch: TaskLaunch): Record<string, string> {
    const host = HOST_ENV.flatMap((name) => {
      const value = this.#deps.hostEnv[name];
      return value === undefined ? [] : [[name, value] as const];
    });
    return { ...Object.fromEntries(host), ...launch.env };
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
