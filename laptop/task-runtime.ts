import { join, resolve } from 'node:path';
import { chooseRuntime, type RuntimeChoice } from '../localcloud/choose-runtime.ts';
import { createDockerRuntime, whyNoEngine } from '../localcloud/docker-runtime/docker-runtime.ts';
import { createProcessRuntime } from '../localcloud/process-runtime/process-runtime.ts';
import { fileState } from '../localcloud/state.ts';
import type { TaskRuntime } from '../localcloud/task-runtime.ts';
import { systemClock as clock } from '../platform/clock.ts';
import { ConfigError, type Env } from '../platform/config.ts';
import type { Log } from '../platform/log.ts';
import { systemRandom as random } from '../platform/random.ts';
import { DEFAULT_IMAGE, PROCESS_IMAGE } from './config.ts';
import { taskEnvironment } from './task-environment.ts';

const SAMPLE_APP = resolve(import.meta.dirname, '../examples/hello/server.mjs');

export interface TaskRuntimeOptions {
  choice: RuntimeChoice;
  /** Folder of everything that outlives a run, and the folder in it that is the cloud's. */
  home: string;
  cloud: string;
  env: Env;
  log: Log;
}

/** What tasks of laptop mode run on. */
export function createTaskRuntime({ choice, home, cloud, env, log }: TaskRuntimeOptions): TaskRuntime {
  const images = {
    [DEFAULT_IMAGE]: { command: [process.execPath, SAMPLE_APP] },
    [PROCESS_IMAGE]: { command: [] },
  };
  return chooseRuntime({
    choice,
    programs: new Set(Object.keys(images)),
    processes: createProcessRuntime({ clock, log, path: cloud, hostEnv: taskEnvironment(env), images }),
    containers: createDockerRuntime({ clock, log, path: home, install: installId(home), hostEnv: env }),
  });
}

/** Throws ConfigError where containers are asked for and no engine answers. */
export async function requireEngine(choice: RuntimeChoice, env: Env): Promise<void> {
  if (choice !== 'docker') return;
  const why = await whyNoEngine(env);
  if (why === undefined) return;
  throw new ConfigError(
    `TEMPUS_RUNTIME=docker, and no Docker engine answers: ${why}\n` +
      'Start Docker, or set TEMPUS_RUNTIME=auto to preview commands of this machine.',
  );
}

/** What marks this folder's containers on an engine that others use too; it outlives everything else in the folder. */
function installId(home: string): string {
  const store = fileState<{ install: string }>(join(home, 'install.json'));
  const kept = store.load() ?? { install: random.uuid().replaceAll('-', '').slice(0, 12) };
  store.save(kept);
  return kept.install;
}
