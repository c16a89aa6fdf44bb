import type { Clock } from '../../platform/clock.ts';
import type { DockerCli, DockerStream } from './docker-cli.ts';

const AGAIN_MS = 1_000;
const AGAIN_MAX_MS = 60_000;

/**
 * What a container writes, line by line. The engine keeps nothing of it: it hands over each line as it comes, and the
 * container waits where we are slow.
 */
export class Output {
  /** Resolves when the command that started the container has ended. */
  readonly firstEnded: Promise<void>;
  readonly #docker: DockerCli;
  readonly #clock: Clock;
  readonly #id: string;
  readonly #onLine: (line: string) => void;
  /** Until it is known whether the container started: it may be the engine that speaks. */
  #held: string[] | undefined = [];
  #stream: DockerStream;

  /** Starts the container, attached from its first byte on. */
  constructor(
    { docker, clock }: { docker: DockerCli; clock: Clock },
    id: string,
    onLine: (line: string) => void,
  ) {
    this.#docker = docker;
    this.#clock = clock;
    this.#id = id;
    this.#onLine = onLine;
    this.#stream = docker.stream(['start', '--attach', id], (line) => this.#take(line));
    this.firstEnded = this.#stream.ended;
  }

  /** The container did not start. */
  drop(): void {
    this.#held = [];
    this.#stream.close();
  }

  /** The container has started: its lines are passed on, until it has ended. */
  release(ended: Promise<unknown>): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const line of held) this.#onLine(line);
    void this.#attachAgain(ended);
  }

  /** Resolves when the last line has been passed on, or after `ms`. */
  async drained(ms: number): Promise<void> {
    const done = new AbortController();
    await Promise.race([this.#stream.ended, this.#clock.sleep(ms, done.signal)]);
    done.abort();
    this.#stream.close();
  }

  #take(line: string): void {
    if (this.#held) this.#held.push(line);
    else this.#onLine(line);
  }

  /** The stream breaks with the engine, while an engine that is only replaced lets its containers run. */
  async #attachAgain(ended: Promise<unknown>): Promise<void> {
    const over = new AbortController();
    void ended.finally(() => over.abort());
    for (let wait = AGAIN_MS; ; wait = Math.min(2 * wait, AGAIN_MAX_MS)) {
      await this.#stream.ended;
      await this.#clock.sleep(wait, over.signal);
      if (over.signal.aborted) return;
      this.#stream = this.#docker.stream(['attach', '--no-stdin', '--sig-proxy=false', this.#id], (line) =>
        this.#take(line),
      );
    }
  }
}
