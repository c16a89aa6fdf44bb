import { TaskStartError } from '../task-runtime.ts';
import { DockerError } from './docker-cli.ts';

/** What was being done when Docker failed. */
export type Stage = 'pull' | 'place' | 'create' | 'start';

/** AWS's names for a failure at each stage: ECS developer guide, stopped-task-error-codes. */
const NAMES: Readonly<Record<Stage, string>> = {
  pull: 'CannotPullContainerError',
  place: 'ResourceInitializationError',
  create: 'CannotCreateContainerError',
  start: 'CannotStartContainerError',
};

/** The same failure in AWS's words. Anything but a failure of Docker is passed on as it is. */
export function startFailure(stage: Stage, error: unknown): unknown {
  if (!(error instanceof DockerError)) return error;
  if (error.kind === 'unreachable') return noEngine(error);
  return new TaskStartError(
    `${NAMES[stage]}: ${stage === 'pull' ? pullWords(error.message) : error.message}`,
  );
}

export function noEngine(error: DockerError): TaskStartError {
  return new TaskStartError(
    `CannotStartContainerError: NoContainerEngine: no Docker engine answers: ${error.message}`,
  );
}

/** The image is there, and for another processor than the task's. */
export function foreignImage(platform: string): TaskStartError {
  return new TaskStartError(`${NAMES.pull}: ${noDescriptor(platform)}`);
}

function noDescriptor(platform: string): string {
  return `image Manifest does not contain descriptor matching platform '${platform}'`;
}

/** An image index without this machine's platform is the one case that AWS puts in other words than Docker. */
function pullWords(said: string): string {
  const platform = /no matching manifest for (\S+)/.exec(said)?.[1];
  return platform === undefined ? said : noDescriptor(platform);
}
