import type { ContainerCondition } from '@aws-sdk/client-ecs';
import type { ContainerExit, RunningContainer } from '../task-runtime.ts';

/** How far a container has come, as those that depend on it wait for it. */
export interface Progress {
  order: { essential: boolean };
  /** Resolves also when it could not be started and the task goes on without it. */
  started: PromiseWithResolvers<void>;
  exited: PromiseWithResolvers<ContainerExit>;
  healthy: PromiseWithResolvers<void>;
  running?: RunningContainer;
}

/** Resolves when `other` has come so far, or, in the words of the agent of ECS, with why it never will. */
export async function unmet(
  other: Progress,
  condition: ContainerCondition | undefined,
): Promise<string | undefined> {
  switch (condition) {
    case 'HEALTHY': {
      const healthy = other.healthy.promise.then(() => undefined);
      // The end of an essential one is the end of the task, and the reason for it.
      if (other.order.essential) return healthy;
      return Promise.race([healthy, other.exited.promise.then(() => 'ended before it was healthy')]);
    }
    case 'COMPLETE':
      await other.exited.promise;
      return other.running ? undefined : 'was not started';
    case 'SUCCESS':
      return (await other.exited.promise).exitCode === 0 ? undefined : 'did not exit successfully';
    case 'START':
    case undefined:
      return undefined;
  }
}
