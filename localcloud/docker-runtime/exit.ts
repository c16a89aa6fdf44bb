import type { ContainerExit } from '../task-runtime.ts';

/** `State` of `docker inspect`, as far as it is read. */
export interface ContainerState {
  Status: string;
  ExitCode: number;
  OOMKilled: boolean;
  /** Why it could not be started. */
  Error: string;
}

/** What is known of an end beside the container's own state. */
export interface Circumstances {
  /** A signal that others than this runtime sent before it ended: an operator, or an engine that shuts down. */
  signalled?: string;
  /** No engine answered for some time before it was seen to have ended. */
  engineLost: boolean;
}

export const ENGINE_LOST: ContainerExit = {
  signal: 'SIGKILL',
  reason: 'ContainerRuntimeError: the container engine went away while the container ran',
};

/** The end of a container in AWS's words. Only a program that ended by itself has ended with 0. */
export function exitOf(state: ContainerState, { signalled, engineLost }: Circumstances): ContainerExit {
  if (state.OOMKilled && state.ExitCode !== 0) {
    return {
      exitCode: state.ExitCode,
      reason: 'OutOfMemoryError: Container killed due to memory usage',
    };
  }
  if (engineLost) return ENGINE_LOST;
  if (signalled !== undefined && state.ExitCode === 0) return { signal: signalled };
  return { exitCode: state.ExitCode };
}

export function hasStarted({ Status }: ContainerState): boolean {
  return Status !== 'created';
}

export function hasEnded({ Status }: ContainerState): boolean {
  return Status === 'exited' || Status === 'dead' || Status === 'removing';
}
