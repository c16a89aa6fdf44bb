import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { ROOT } from '../e2e/laptop-process.ts';

/** What a clone has and a deploy needs; without what an install has written into this one. */
const TRACKED = spawnSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .stdout.split('\n')
  .filter((file) => file !== '' && !/^(test|docs|\.ci)\//.test(file));

export interface MakeEnd {
  code: number;
  stdout: string;
  stderr: string;
}

export interface CheckoutOptions {
  installed?: boolean;
  /** What is on PATH under this name. */
  terraform?: 'stand-in' | 'real';
}

const STAND_IN = join(import.meta.dirname, 'stand-in.ts');

/** A clone of this repository in a folder of its own, in which the real `make` runs. */
export class Checkout {
  readonly folder = mkdtempSync(join(tmpdir(), 'tempus-checkout-'));
  readonly #env: Record<string, string>;

  /** `env` is all that `make` finds in its environment, beside a PATH and a HOME of its own. */
  constructor(
    env: Record<string, string>,
    { installed = true, terraform = 'stand-in' }: CheckoutOptions = {},
  ) {
    for (const file of TRACKED)
      if (existsSync(join(ROOT, file)))
        cpSync(join(ROOT, file), join(this.folder, file), { recursive: true });
    if (installed) symlinkSync(join(ROOT, 'node_modules'), join(this.folder, 'node_modules'));
    const bin = join(this.folder, '.bin');
    mkdirSync(bin);
    if (terraform === 'stand-in')
      writeFileSync(join(bin, 'terraform'), `#!/bin/sh\nexec '${process.execPath}' '${STAND_IN}' "$@"\n`, {
        mode: 0o755,
      });
    this.#env = {
      PATH: `${bin}:${process.env['PATH'] ?? ''}`,
      HOME: join(this.folder, '.home'),
      AWS_EC2_METADATA_DISABLED: 'true',
      ...env,
    };
    mkdirSync(join(this.folder, '.home'));
  }

  path(file: string): string {
    return join(this.folder, file);
  }

  has(file: string): boolean {
    return existsSync(this.path(file));
  }

  read(file: string): string {
    return readFileSync(this.path(file), 'utf8');
  }

  write(file: string, content: string): void {
    mkdirSync(join(this.path(file), '..'), { recursive: true });
    writeFileSync(this.path(file), content);
  }

  /** Files that git would not know of: what an install has written, beside dist/ and the tools. */
  written(): string[] {
    const { stdout } = spawnSync('find', ['terraform', '-type', 'f'], { cwd: this.folder, encoding: 'utf8' });
    return stdout
      .split('\n')
      .filter((file) => file !== '' && !TRACKED.includes(file) && !file.includes('/.terraform/'))
      .toSorted();
  }

  spawn(args: readonly string[], env: Record<string, string> = {}): ChildProcess {
    return spawn('make', args, {
      cwd: this.folder,
      env: { ...this.#env, ...env },
      stdio: 'pipe',
      detached: true,
    });
  }

  /** Runs make to its end. `input` is what somebody types. */
  async make(
    args: readonly string[],
    { env = {}, input = '' }: { env?: Record<string, string>; input?: string } = {},
  ): Promise<MakeEnd> {
    const child = this.spawn(args, env);
    // One that refuses before it has read anything is over sooner than this.
    child.stdin?.on('error', () => undefined).end(input);
    const ended = once(child, 'close') as Promise<[number | null]>;
    const [[code], stdout, stderr] = await Promise.all([ended, text(child.stdout!), text(child.stderr!)]);
    return { code: code ?? -1, stdout, stderr };
  }

  /** Makes what `make build` makes for Terraform, without images. */
  build(): void {
    const { status, stderr } = spawnSync(process.execPath, ['deploy/build.ts'], {
      cwd: this.folder,
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(stderr);
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
}
