import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';

import type { Env } from '../../platform/config.ts';
import { LineSplitter } from '../process-runtime/lines.ts';

/** What the docker command itself needs: where the engine is, and who asks. Containers get none of it. */
export const ENGINE_VARIABLES = [
  'PATH',
  'HOME',
  'XDG_RUNTIME_DIR',
  'DOCKER_HOST',
  'DOCKER_CONTEXT',
  'DOCKER_CONFIG',
  'DOCKER_CERT_PATH',
  'DOCKER_TLS_VERIFY',
] as const;

const TIMEOUT_MS = 60_000;
const MAX_OUTPUT_BYTES = 32 * 1024 * 1024;

/**
 * `unreachable`: no engine answered; `late`: not in time; `absent`: what was named is not there; `refused`: the engine
 * said no.
 */
export type DockerErrorKind = 'unreachable' | 'late' | 'absent' | 'refused';

/** A docker command failed. The message is what it said, without its advice. */
export class DockerError extends Error {
  override name = 'DockerError';
  readonly kind: DockerErrorKind;

  constructor(kind: DockerErrorKind, message: string, cause?: unknown) {
    super(message, { cause });
    this.kind = kind;
  }
}

export interface RunOptions {
  timeoutMs?: number;
  input?: Uint8Array;
}

export interface DockerStream {
  /** Resolves when the command has ended, for whatever reason; never rejects. */
  ended: Promise<void>;
  close(): void;
}

/** The only door to Docker: its own command, which knows contexts and the credentials of registries. */
export class DockerCli {
  readonly #env: Record<string, string>;

  constructor(hostEnv: Env) {
    this.#env = Object.fromEntries(
      ENGINE_VARIABLES.flatMap((name) => {
        const value = hostEnv[name];
        return value === undefined ? [] : [[name, value] as const];
      }),
    );
  }

  /** Runs a command to its end and answers what it printed. Rejects with DockerError. */
  async run(args: readonly string[], { timeoutMs = TIMEOUT_MS, input }: RunOptions = {}): Promise<string> {
    try {
      const running = promisify(execFile)('docker', args, {
        env: this.#env,
        timeout: timeoutMs,
        killSignal: 'SIGKILL',
        maxBuffer: MAX_OUTPUT_BYTES,
      });
      // A command that ends before it has read everything reports why by its exit, not by this pipe.
      running.child.stdin?.on('error', () => undefined).end(input);
      return (await running).stdout.trim();
    } catch (error) {
      throw asDockerError(error, timeoutMs);
    }
  }

  /** Runs a command that answers one JSON value a line. */
  async rows<T>(args: readonly string[], options?: RunOptions): Promise<T[]> {
    const output = await this.run([...args, '--format', '{{json .}}'], options);
    return output.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as T]));
  }

  /** Runs a command that goes on, and passes every line that it prints to `onLine`. */
  stream(args: readonly string[], onLine: (line: string) => void): DockerStream {
    const child = spawn('docker', args, { env: this.#env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const source of [child.stdout, child.stderr]) {
      const splitter = new LineSplitter(onLine);
      source.on('data', (chunk: Buffer) => splitter.write(chunk)).once('close', () => splitter.end());
    }
    const ended = new Promise<void>((resolve) => {
      child.once('close', () => resolve());
      // Without the command there is no close either: whoever waits asks the engine next, and hears it there.
      child.once('error', () => resolve());
    });
    return { ended, close: () => void child.kill('SIGKILL') };
  }
}

const UNREACHABLE =
  /cannot connect to the docker daemon|error during connect|is the docker daemon running|permission denied while trying to connect|unexpected EOF|connection reset by peer/i;
const ABSENT = /no such (container|image|network|object)|network \S+ not found/i;
/** Advice and warnings that the command adds to what the engine said. */
const NOISE = /^(\s*|WARNING: .*|See 'docker .*|Run 'docker .*)$/;

function asDockerError(error: unknown, timeoutMs: number): DockerError {
  const { code, killed, stderr = '' } = error as { code?: unknown; killed?: boolean; stderr?: string };
  if (code === 'ENOENT') return new DockerError('unreachable', 'there is no docker command', error);
  if (killed) return new DockerError('late', `no answer within ${timeoutMs / 1000} s`, error);
  const said = stderr
    .split('\n')
    .filter((line) => !NOISE.test(line))
    .join('\n')
    .trim();
  return new DockerError(kindOf(said), said === '' ? String(error) : said, error);
}

function kindOf(said: string): DockerErrorKind {
  if (UNREACHABLE.test(said)) return 'unreachable';
  return ABSENT.test(said) ? 'absent' : 'refused';
}
