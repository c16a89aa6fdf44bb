import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../platform/config.ts';

/** What a running laptop mode leaves in its home for the command line to find. */
export interface Running {
  pid: number;
  /** Start time of the process, as `ps` tells it: pids are used again, a pid and its start are not. */
  started: string;
  api?: string;
}

const FILE = 'laptop.json';
const TRIES = 3;

function startOf(pid: number): string | undefined {
  try {
    const lstart = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return lstart === '' ? undefined : lstart;
  } catch (error) {
    // ps exits with 1 for a pid that is not there; anything else is not an answer.
    if ((error as { status?: number }).status === 1) return undefined;
    throw error;
  }
}

function readRunning(file: string): Running | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Running;
  } catch (error) {
    // A file that was cut off by a crash belongs to a process that is gone.
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The state folder, held by one process at a time. */
export class Home {
  readonly path: string;
  readonly #file: string;
  readonly #me: Running;

  private constructor(path: string, me: Running) {
    this.path = path;
    this.#file = join(path, FILE);
    this.#me = me;
  }

  /** Takes the folder for this process. Throws ConfigError that names the pid where another one runs on it. */
  static take(path: string, pid: number): Home {
    // Records hold what teams put into environment variables: nobody else on this machine may read them.
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const home = new Home(path, { pid, started: startOf(pid) ?? '' });
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      if (home.#claim()) return home;
      const other = readRunning(home.#file);
      if (other && startOf(other.pid) === other.started) {
        throw new ConfigError(
          `Tempus already runs on ${path} with pid ${other.pid}${other.api ? ` (${other.api})` : ''}.\n` +
            `Stop it with Ctrl-C or kill ${other.pid}, or set TEMPUS_HOME to another folder.`,
        );
      }
      rmSync(home.#file, { force: true });
    }
    throw new ConfigError(`${path} is being taken by another start; try again`);
  }

  /** Creates the file, or answers false when it is there: the file system decides between two starts at once. */
  #claim(): boolean {
    try {
      writeFileSync(this.#file, JSON.stringify(this.#me), { flag: 'wx' });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    }
  }

  /** Lets the command line find the API from any folder. */
  announce(api: string): void {
    writeFileSync(this.#file, JSON.stringify({ ...this.#me, api }));
  }

  release(): void {
    rmSync(this.#file, { force: true });
  }
}
