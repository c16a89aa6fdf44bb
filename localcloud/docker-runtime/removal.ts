import type { Log } from '../../platform/log.ts';
import { type DockerCli, DockerError } from './docker-cli.ts';
import { installFilter } from './labels.ts';

/** Removes containers, and remembers those that it could not remove because no engine answered. */
export class Removal {
  readonly #docker: DockerCli;
  readonly #log: Log;
  readonly #owed = new Set<string>();

  constructor(docker: DockerCli, log: Log) {
    this.#docker = docker;
    this.#log = log;
  }

  /** Never rejects: what could not be removed is tried again with the next, and by the next start. */
  async remove(names: readonly string[]): Promise<void> {
    for (const name of names) this.#owed.add(name);
    const owed = [...this.#owed];
    if (owed.length === 0) return;
    try {
      await removeContainers(this.#docker, owed);
      for (const name of owed) this.#owed.delete(name);
    } catch (error) {
      this.#log.error({ err: error, containers: owed }, 'containers not removed');
    }
  }
}

/** What is no longer there, or goes just now, is removed. */
const GONE = /no such container|removal of container \S+ is already in progress/i;

async function removeContainers(docker: DockerCli, names: readonly string[]): Promise<void> {
  try {
    await docker.run(['rm', '--force', '--volumes', ...names]);
  } catch (error) {
    const left = error instanceof DockerError && error.message.split('\n').filter((line) => !GONE.test(line));
    if (left === false || left.length > 0) throw error;
  }
}

/**
 * Removes everything that carries this install's label: containers first, then the network under them. Answers how
 * many containers there were. Rejects with DockerError.
 */
export async function removeInstall(docker: DockerCli, install: string): Promise<number> {
  const mine = installFilter(install);
  const containers = words(await docker.run(['ps', '--all', '--quiet', '--no-trunc', mine]));
  if (containers.length > 0) await removeContainers(docker, containers);
  const networks = words(await docker.run(['network', 'ls', '--quiet', mine]));
  if (networks.length > 0) await docker.run(['network', 'rm', ...networks]);
  return containers.length;
}

function words(text: string): string[] {
  return text.split('\n').filter((word) => word !== '');
}
