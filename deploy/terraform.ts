import { existsSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type Env, processEnv } from '../platform/config.ts';
import { ROOT } from './checkout.ts';
import { runProgram } from './program.ts';
import { Refusal } from './refusal.ts';

/** The first version whose S3 backend locks its state without a table. */
const OLDEST = [1, 11] as const;

/** Throws Refusal where Terraform is missing or too old. */
export async function requireTerraform(): Promise<void> {
  const { stdout } = await runProgram('terraform', ['version', '-json'], {
    quiet: true,
    env: terraformEnv(),
  });
  const { terraform_version } = JSON.parse(stdout) as { terraform_version: string };
  const [major = 0, minor = 0] = terraform_version.split('.').map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return;
  throw new Refusal(
    `Terraform ${terraform_version} is too old`,
    `the lock of the state needs ${OLDEST.join('.')} or newer`,
    'https://developer.hashicorp.com/terraform/install',
  );
}

/** What Terraform leaves a state in that it could not store: https://developer.hashicorp.com/terraform/cli/commands/state/push */
const ERRORED = 'errored.tfstate';

/** With these the environment would decide what is deployed, and into which state. */
const CHANCE = /^TF_(VAR_.*|WORKSPACE|DATA_DIR|CLI_ARGS(_.*)?)$/;

/** What Terraform finds in its environment, beside all else that this process does: where undefined, nothing. */
function terraformEnv(env: Env = processEnv()): Env {
  const chance = Object.keys(env).filter((name) => CHANCE.test(name));
  return { TF_IN_AUTOMATION: '1', ...Object.fromEntries(chance.map((name) => [name, undefined])) };
}

/** One resource as `terraform show -json` tells of it. */
export interface Resource {
  address: string;
  mode: string;
  type: string;
  values: Readonly<Record<string, unknown>>;
}

interface ShownState {
  /** Absent where there is no state, or nothing in it. */
  values?: { root_module?: { resources?: Resource[] } };
}

/** Terraform in one folder. Its own words go to the terminal: they say best what it does and what it lacks. */
export class Terraform {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Begins with the state where backend.tf says, whatever was before: where there is none, -reconfigure alone forgets nothing. */
  async begin(): Promise<void> {
    this.forgetBackend();
    await this.init('-reconfigure');
  }

  /** Throws Refusal where the last run could not store its state: what is stored does not know all that it has made. */
  async init(...args: string[]): Promise<void> {
    const folder = relative(ROOT, this.#folder);
    if (existsSync(join(this.#folder, ERRORED)))
      throw new Refusal(
        `there is a ${folder}/${ERRORED}`,
        'the last run of Terraform could not store its state, perhaps because credentials had expired, and has left it there',
        `in ${folder}/: terraform state push ${ERRORED} && rm ${ERRORED}; then repeat`,
      );
    await this.run('init', '-input=false', ...args);
  }

  forgetBackend(): void {
    rmSync(join(this.#folder, '.terraform/terraform.tfstate'), { force: true });
  }

  /** Throws Refusal where it ends with a failure, a "no" to its question included. */
  async run(command: string, ...args: string[]): Promise<void> {
    const { code } = await runProgram('terraform', [command, ...args], this.#options(false));
    if (code === 0) return;
    throw new Refusal(
      `terraform ${command} did not get to its end`,
      `it ended with exit code ${code}, and says above why`,
      'put that right, then repeat: what is done already is not done again',
    );
  }

  /** Values of the outputs by name; without any before the first apply, and after everything is destroyed. */
  async outputs(): Promise<Record<string, unknown>> {
    const values = JSON.parse(await this.#read('output', '-json')) as Record<string, { value: unknown }>;
    return Object.fromEntries(Object.entries(values).map(([name, { value }]) => [name, value]));
  }

  /** Everything that the state says is there; data sources are not. */
  async resources(): Promise<Resource[]> {
    const { values } = JSON.parse(await this.#read('show', '-json')) as ShownState;
    return (values?.root_module?.resources ?? []).filter(({ mode }) => mode !== 'data');
  }

  async #read(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await runProgram('terraform', args, this.#options(true));
    if (code === 0) return stdout;
    throw new Refusal(
      `terraform ${args.join(' ')} failed`,
      stderr.trim() || `exit code ${code}`,
      'put that right, then repeat',
    );
  }

  #options(quiet: boolean) {
    return { cwd: this.#folder, quiet, env: terraformEnv() };
  }
}
