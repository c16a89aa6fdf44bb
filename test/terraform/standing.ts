import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { Stage, type Variables } from './plan.ts';

const run = promisify(execFile);

/** In which order Terraform did what it says that it did. */
export class Order {
  readonly #steps: readonly { address: string; step: string }[];

  constructor(printed: string) {
    const lines = printed.matchAll(
      /^(\S+)(?: \(deposed object \w+\))?: ((?:Creat|Modify|Destroy)ing|(?:Creation|Modifications|Destruction) complete)/gm,
    );
    this.#steps = [...lines].map(([, address = '', step = '']) => ({ address, step }));
  }

  of(address: string): string[] {
    return this.#steps.filter((one) => one.address === address).map(({ step }) => step);
  }

  /** Expects both to have been done, in this order: each is `address: step`. */
  expect(first: string, second: string): void {
    const steps = this.#steps.map(({ address, step }) => `${address}: ${step}`);
    const both = steps.filter((step) => step === first || step === second);
    expect(both).toEqual([first, second]);
  }
}

/**
 * An install whose state stays between applies. Terraform is the real one; the provider invents what AWS would answer, and
 * knows of no argument that it cannot change in place.
 */
export class Standing {
  readonly #stage: Stage;
  readonly #env: NodeJS.ProcessEnv;

  private constructor(stage: Stage, env: NodeJS.ProcessEnv) {
    this.#stage = stage;
    this.#env = env;
  }

  static async set(env: Readonly<Record<string, string>>): Promise<Standing> {
    // Nothing is planned by way of it: it only lays out the folders.
    const stage = await Stage.set('');
    const standing = new Standing(stage, { ...process.env, ...env });
    await standing.#terraform('init', ['-input=false']);
    return standing;
  }

  async apply(variables: Variables, more: readonly string[] = []): Promise<Order> {
    const given = Object.entries(variables).map(([name, value]) => `-var=${name}=${value}`);
    return new Order(await this.#terraform('apply', ['-auto-approve', '-input=false', ...given, ...more]));
  }

  remove(): void {
    this.#stage.remove();
  }

  async #terraform(command: string, more: readonly string[]): Promise<string> {
    const { stdout } = await run('terraform', [command, '-no-color', ...more], {
      cwd: join(this.#stage.folder, 'terraform'),
      env: this.#env,
      maxBuffer: 16_000_000,
    });
    return stdout;
  }
}
