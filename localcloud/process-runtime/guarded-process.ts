import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

import type { Clock } from '../../platform/clock.ts';
import type { ContainerExit } from '../task-runtime.ts';
import { cannotStart, type ProcessCommand } from './command.ts';
import { LineSplitter } from './lines.ts';
import { signalGroup } from './process-group.ts';

const GUARD = join(import.meta.dirname, 'guard.sh');

/** How long after the end of a task its output may still be in the pipes. */
const DRAIN_MS = 500;

export interface GuardedProcess {
  /** The process group that holds the guard, the command and everything the command starts. */
  pgid: number;
  /** Signals the whole group; does nothing once the guard has ended, because its id may then be another's. */
  signal(signal: NodeJS.Signals): void;
  /** Resolves when the guard has ended and its output has been passed on. */
  ended: Promise<ContainerExit>;
}

export interface GuardOptions {
  taskId: string;
  stopTimeoutMs: number;
  env: Record<string, string>;
  onLine: (line: string) => void;
  clock: Clock;
}

/** Starts `command` under guard.sh. Rejects with TaskStartError. */
export async function spawnGuarded(command: ProcessCommand, options: GuardOptions): Promise<GuardedProcess> {
  const child = spawnGuard(command, options);
  const ended = watchEnd(child, options);
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error) => reject(cannotStart(error.message)));
  });
  const pgid = child.pid;
  if (pgid === undefined) throw cannotStart('the process has no id');
  return {
    pgid,
    ended,
    signal: (signal) => {
      if (child.exitCode === null && child.signalCode === null) signalGroup(pgid, signal);
    },
  };
}

function spawnGuard(command: ProcessCommand, { taskId, stopTimeoutMs, env }: GuardOptions): ChildProcess {
  const seconds = String(Math.ceil(stopTimeoutMs / 1000));
  try {
    return spawn('/bin/sh', [GUARD, taskId, seconds, command.executable, ...command.args], {
      cwd: command.workdir,
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
    });
  } catch (error) {
    // Some refusals of the system (arguments too long) are thrown, the others arrive as an event.
    throw cannotStart(error instanceof Error ? error.message : String(error));
  }
}

async function watchEnd(child: ChildProcess, { onLine, clock }: GuardOptions): Promise<ContainerExit> {
  const [, stdout, stderr, lifeline, status] = child.stdio as Readable[];
  // The guard holds the other end of the lifeline; its death shows here as a reset, which is no news.
  lifeline?.on('error', () => undefined);
  let report = '';
  status?.setEncoding('utf8').on('data', (text: string) => (report += text));
  const splitters = [stdout, stderr].map((stream) => {
    const splitter = new LineSplitter(onLine);
    stream?.on('data', (chunk: Buffer) => splitter.write(chunk));
    return splitter;
  });
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const signal = await exitOf(child);
  // A process that left the group on purpose can hold the pipes open for ever: wait for them, but not long.
  await Promise.race([closed, clock.sleep(DRAIN_MS)]);
  for (const splitter of splitters) splitter.end();
  for (const stream of [stdout, stderr, lifeline, status]) stream?.destroy();
  const code = Number.parseInt(report, 10);
  return Number.isNaN(code) ? { signal: signal ?? 'SIGKILL' } : { exitCode: code };
}

function exitOf(child: ChildProcess): Promise<NodeJS.Signals | null> {
  return new Promise((resolve) => {
    child.once('exit', (_code, signal) => {
      // The guard kills its group as it goes. If it was itself killed from outside, this ends what it was guarding.
      if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
      resolve(signal);
    });
  });
}
