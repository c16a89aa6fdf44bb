import PQueue from 'p-queue';

import { TaskStartError } from '../task-runtime.ts';
import { type DockerCli, DockerError } from './docker-cli.ts';
import { foreignImage, startFailure } from './failures.ts';

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

  /**
   * Pulls `image` unless the engine has it for this platform (`linux/arm64`; by default whichever it has), once for all who
   * ask meanwhile. Rejects with TaskStartError.
   */
  async ensure(image: string, platform?: string): Promise<void> {
    // A name that begins with a dash would be an option.
    if (!/^[a-zA-Z0-9]/.test(image)) {
      throw new TaskStartError(`CannotPullContainerError: invalid reference format: ${image}`);
    }
    try {
      const here = await this.#platformOf(image);
      if (here !== undefined && (platform === undefined || here === platform)) return;
      // With the image for another platform a pull can only help: a registry may have it for this one, too.
      const otherwise = here === undefined ? undefined : foreignImage(platform ?? here);
      await this.#pull(image, platform).catch((error: unknown) => {
        throw otherwise && error instanceof DockerError && error.kind !== 'unreachable' ? otherwise : error;
      });
    } catch (error) {
      throw startFailure('pull', error);
    }
  }

  /** Of the image that the engine has under this name; undefined where it has none. */
  async #platformOf(image: string): Promise<string | undefined> {
    try {
      return await this.#docker.run(['image', 'inspect', '--format', '{{.Os}}/{{.Architecture}}', image]);
    } catch (error) {
      if (error instanceof DockerError && error.kind === 'absent') return undefined;
      throw error;
    }
  }

  #pull(image: string, platform?: string): Promise<void> {
    const key = `${image} ${platform ?? ''}`;
    const running = this.#pulling.get(key);
    if (running) return running;
    const args = ['pull', '--quiet', ...(platform === undefined ? [] : [`--platform=${platform}`]), image];
    const pull = this.#queue
      .add(() => this.#docker.run(args, { timeoutMs: PULL_TIMEOUT_MS }))
      .then(() => undefined)
      .finally(() => this.#pulling.delete(key));
    this.#pulling.set(key, pull);
    return pull;
  }
}
