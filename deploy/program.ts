import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { type Env, processEnv } from '../platform/config.ts';
import { Refusal } from './refusal.ts';

export interface ProgramOptions {
  cwd?: string;
  /** Beside the environment of this process; a name that is undefined is taken out of it. */
  env?: Env;
  /** Given to it on stdin, where no other process can read it. Absent: it has the terminal. */
  input?: string;
  /** Keeps what it prints away from the terminal. */
  quiet?: boolean;
}

export interface ProgramEnd {
  code: number;
  /** What it printed, where it was told to be quiet. */
  stdout: string;
  stderr: string;
}

const INSTALL: Readonly<Record<string, string>> = {
  terraform: 'install Terraform 1.11 or newer: https://developer.hashicorp.com/terraform/install',
  docker: 'install a Docker engine and its command: https://docs.docker.com/engine/install/',
};

const wait = () => undefined;

/** Runs another program to its end, whatever its exit code. Throws Refusal where there is none of this name. */
export async function runProgram(
  command: string,
  args: readonly string[],
  { cwd, env, input, quiet = false }: ProgramOptions = {},
): Promise<ProgramEnd> {
  const output = quiet ? 'pipe' : 'inherit';
  const child = spawn(command, args, {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...processEnv(), ...env },
    stdio: [input === undefined ? 'inherit' : 'pipe', output, output],
  });
  // Ctrl-C reaches the whole group: the program winds up by itself, and a second signal would make Terraform break off.
  const forward = () => child.kill('SIGTERM');
  process.on('SIGINT', wait).on('SIGTERM', forward);
  try {
    const ended = new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve(code ?? 1));
    });
    // Whoever ends before it has read everything says why by its exit code.
    child.stdin?.on('error', () => undefined).end(input);
    const [code, stdout, stderr] = await Promise.all([
      ended,
      child.stdout ? text(child.stdout) : '',
      child.stderr ? text(child.stderr) : '',
    ]);
    return { code, stdout, stderr };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const hint = INSTALL[command] ?? `install ${command}`;
    throw new Refusal(`there is no ${command} on this machine`, 'it is not on PATH', hint, { cause: error });
  } finally {
    process.off('SIGINT', wait).off('SIGTERM', forward);
  }
}
