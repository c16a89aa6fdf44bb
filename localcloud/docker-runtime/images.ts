import PQueue from 'p-queue';

import { TaskStartError } from '../task-runtime.ts';
import { type DockerCli, DockerError } from './docker-cli.ts';
import { startFailure } from './failures.ts';

/** How many images are pulled at a time: each takes the machine's whole bandwidth anyway. */
const PULLS_AT_ONCE = 2;
const PULL_TIMEOUT_MS = 15 * 60_000;

/** Gets images onto this engine. */
export class Images {
  readonly #docker: DockerCli;
  readonly #queue = new PQueue({ concurrency: PULLS_AT_ONCE });
  readonly #pulling = new Map<string, Promise<void>>();

  constructor(docker: DockerCli) {
    this.#docker = docker;
  }

  /** Pulls `image` unless the engine has it, once for all who ask meanwhile. Rejects with TaskStartError. */
  async ensure(image: string): Promise<void> {
    // A name that begins with a dash would be an option.
    if (!/^[a-zA-Z0-9]/.test(image)) {
      throw new TaskStartError(`CannotPullContainerError: invalid reference format: ${image}`);
    }
    try {
      if (!(await this.#has(image))) await this.#pull(image);
    } catch (error) {
      throw startFailure('pull', error);
    }
  }

  async #has(image: string): Promise<boolean> {
    try {
      await this.#docker.run(['image', 'inspect', '--format', '{{.Id}}', image]);
      return true;
    } catch (error) {
      if (error instanceof DockerError && error.kind === 'absent') return false;
      throw error;
    }
  }

  #pull(image: string): Promise<void> {
    const running = this.#pulling.get(image);
    if (running) return running;
    const pull = this.#queue
      .add(() => this.#docker.run(['pull', '--quiet', image], { timeoutMs: PULL_TIMEOUT_MS }))
      .then(() => undefined)
      .finally(() => this.#pulling.delete(image));
    this.#pulling.set(image, pull);
    return pull;
  }
}
