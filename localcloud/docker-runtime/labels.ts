/** What marks everything of ours on an engine, which other installs and other people use too. */
export const INSTALL_LABEL = 'tempus.install';
export const TASK_LABEL = 'tempus.task';
export const CONTAINER_LABEL = 'tempus.container';

export function networkName(install: string): string {
  return `tempus-${install}`;
}

/** The container that holds the task's network. Names are unique on an engine, so nothing can be there twice. */
export function pauseName(taskId: string): string {
  return `tempus-${taskId}`;
}

export function containerName(taskId: string, container: string): string {
  return `tempus-${taskId}-${container}`;
}

export function installFilter(install: string): string {
  return `--filter=label=${INSTALL_LABEL}=${install}`;
}

export function labelArgs(labels: Readonly<Record<string, string>>): string[] {
  return Object.entries(labels).map(([name, value]) => `--label=${name}=${value}`);
}
