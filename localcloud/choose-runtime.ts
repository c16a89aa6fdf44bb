import { type TaskLaunch, type TaskPlace, type TaskRuntime, TaskStartError } from './task-runtime.ts';

/** `auto`: programs of this machine as processes, everything else as containers. */
export type RuntimeChoice = 'auto' | 'process' | 'docker';

export interface Runtimes {
  choice: RuntimeChoice;
  processes: TaskRuntime;
  containers: TaskRuntime;
  /** Images that are no images: they stand for programs of this machine, and no registry may be asked for them. */
  programs: ReadonlySet<string>;
}

/** One runtime out of two: each task runs, as a whole, on the one that can run all of its images. */
export function chooseRuntime(runtimes: Runtimes): TaskRuntime {
  return {
    prepare: (launch) => prepare(runtimes, launch),
    // An earlier run may have been told otherwise, so both are asked for what it left.
    reclaim: async () => {
      await runtimes.processes.reclaim();
      await runtimes.containers.reclaim();
    },
  };
}

async function prepare(
  { choice, processes, containers, programs }: Runtimes,
  launch: TaskLaunch,
): Promise<TaskPlace> {
  const program = launch.containers.find(({ image }) => programs.has(image));
  const image = launch.containers.find((container) => !programs.has(container.image));
  if (choice === 'process' || (choice === 'auto' && !image)) return processes.prepare(launch);
  if (!program) return containers.prepare(launch);
  const why =
    choice === 'docker'
      ? 'TEMPUS_RUNTIME=docker runs container images only'
      : `it cannot share a task with the container image ${image?.image ?? ''}`;
  throw new TaskStartError(
    `CannotPullContainerError: image ${program.image} not found: it stands for a program of this machine, and ${why}`,
  );
}
