import type { Log } from '../../platform/log.ts';
import { type DockerCli, DockerError } from './docker-cli.ts';
import { INSTALL_LABEL, labelArgs, networkName } from './labels.ts';

/**
 * The bridge that this install's tasks stand on. It leads out, and from one task to another it does not. It is there
 * while somebody uses it.
 */
export class TaskNetwork {
  readonly name: string;
  readonly #docker: DockerCli;
  readonly #install: string;
  readonly #log: Log;
  #users = 0;
  #made = false;
  #turn: Promise<void> = Promise.resolve();

  constructor({ docker, install, log }: { docker: DockerCli; install: string; log: Log }) {
    this.#docker = docker;
    this.#install = install;
    this.#log = log;
    this.name = networkName(install);
  }

  /** Rejects with DockerError; whoever was let in has to leave. */
  async join(): Promise<void> {
    this.#users += 1;
    try {
      await this.#inTurn(() => this.#make());
    } catch (error) {
      this.#users -= 1;
      throw error;
    }
  }

  async leave(): Promise<void> {
    this.#users -= 1;
    await this.#inTurn(() => this.#removeUnused());
  }

  async #make(): Promise<void> {
    if (this.#made) return;
    const labels = labelArgs({ [INSTALL_LABEL]: this.#install });
    const apart = 'com.docker.network.bridge.enable_icc=false';
    try {
      await this.#docker.run([
        'network',
        'create',
        '--driver=bridge',
        `--opt=${apart}`,
        ...labels,
        this.name,
      ]);
    } catch (error) {
      // The last user left while the engine was away: the network is still there, and it is ours.
      if (!(error instanceof DockerError) || !error.message.includes('already exists')) throw error;
    }
    this.#made = true;
  }

  async #removeUnused(): Promise<void> {
    if (this.#users > 0 || !this.#made) return;
    this.#made = false;
    try {
      await this.#docker.run(['network', 'rm', this.name]);
    } catch (error) {
      if (error instanceof DockerError && error.kind === 'absent') return;
      this.#log.warn({ err: error, network: this.name }, 'network not removed');
    }
  }

  /** One at a time: whoever comes while the network is being removed gets a new one. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}
