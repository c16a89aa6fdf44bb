import { createWriteStream, type WriteStream } from 'node:fs';
import { join, resolve } from 'node:path';
import { type GuardedProcess, spawnGuarded } from '../../localcloud/process-runtime/guarded-process.ts';
import type { Clock } from '../../platform/clock.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const STOP_MS = 30_000;
const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 10_000;
/** A part that ran this long was well: its next start does not wait. */
const WELL_MS = 30_000;

export interface PartDeps {
  name: string;
  /** From the root of the repository. */
  file: string;
  env: Record<string, string>;
  /** Folder of the log files. */
  home: string;
  clock: Clock;
  /** Whether it is started anew when it has ended by itself. */
  restarts: boolean;
  /** Called when it has ended by itself, before it is started anew. */
  onDeath: (name: string) => void;
}

/** One process of split mode, kept running until it is stopped; it never outlives this one, however that dies. */
export class Part {
  readonly #deps: PartDeps;
  readonly #log: WriteStream;
  readonly #over = new AbortController();
  #process: GuardedProcess | undefined;
  #kept: Promise<void> | undefined;

  constructor(deps: PartDeps) {
    this.#deps = deps;
    this.#log = createWriteStream(join(deps.home, `${deps.name}.log`), { flags: 'a' });
  }

  /** Resolves when its first process runs. */
  async start(): Promise<void> {
    this.#process = await this.#spawn();
    this.#kept = this.#keep();
  }

  /** SIGTERM, and SIGKILL when that does not do; resolves when nothing of it runs any more. */
  async stop(): Promise<void> {
    this.#over.abort();
    this.#process?.signal('SIGTERM');
    const cancelKill = this.#deps.clock.after(STOP_MS, () => this.#process?.signal('SIGKILL'));
    await this.#process?.ended;
    await this.#kept;
    cancelKill();
    this.#log.end();
  }

  #spawn(): Promise<GuardedProcess> {
    const { name, file, env, clock } = this.#deps;
    return spawnGuarded(
      { executable: process.execPath, args: [join(ROOT, file)], workdir: ROOT },
      {
        taskId: `tempus-${name}`,
        stopTimeoutMs: STOP_MS,
        env,
        onLine: (line) => this.#log.write(`${line}\n`),
        clock,
      },
    );
  }

  async #keep(): Promise<void> {
    const { name, clock, restarts, onDeath } = this.#deps;
    let delay = FIRST_DELAY_MS;
    for (;;) {
      const began = clock.monotonic();
      await this.#process?.ended;
      if (this.#over.signal.aborted) return;
      onDeath(name);
      if (!restarts) return;
      delay = clock.monotonic() - began > WELL_MS ? FIRST_DELAY_MS : Math.min(delay * 2, LONGEST_DELAY_MS);
      await clock.sleep(delay, this.#over.signal);
      if (this.#over.signal.aborted) return;
      this.#process = await this.#spawn();
      // Whoever stopped it meanwhile has signalled the one before.
      if (this.#over.signal.aborted) this.#process.signal('SIGTERM');
    }
  }
}
