import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ROOT } from '../e2e/laptop-process.ts';

/** A stand-in for the AWS provider, which serves its schema and invents what AWS would answer; not part of the product. */
const CHECK = resolve(ROOT, '../shared/terraform-check');

/** Why the real Terraform cannot run here; undefined where it can. */
export function whyNoTerraform(): string | undefined {
  if (!existsSync(join(CHECK, 'provider/main.mjs'))) return 'there is no stand-in for the AWS provider';
  return spawnSync('terraform', ['version']).status === 0 ? undefined : 'there is no terraform';
}

/** What makes the real Terraform take the stand-in for the AWS provider. */
export class ProviderMirror {
  readonly #folder = mkdtempSync(join(tmpdir(), 'tempus-providers-'));
  readonly env: Record<string, string>;

  constructor() {
    const config = join(this.#folder, 'terraform.rc');
    const mirror = join(this.#folder, 'mirror');
    writeFileSync(config, `provider_installation {\n  filesystem_mirror {\n    path = "${mirror}"\n  }\n}\n`);
    this.env = { TF_CLI_CONFIG_FILE: config, CHECKPOINT_DISABLE: '1' };
    const schema = JSON.parse(readFileSync(join(CHECK, 'schema/aws.json'), 'utf8')) as {
      source: string;
      version: string;
    };
    const { host, platform } = this.#ask();
    const target = join(mirror, host, schema.source, schema.version, platform);
    mkdirSync(target, { recursive: true });
    const program = join(target, `terraform-provider-aws_v${schema.version}`);
    writeFileSync(
      program,
      `#!/bin/sh\nexec '${process.execPath}' '${join(CHECK, 'provider/main.mjs')}' '${schema.source}'\n`,
    );
    chmodSync(program, 0o755);
  }

  /** Where Terraform looks for the provider, and for which platform, it says itself. */
  #ask(): { host: string; platform: string } {
    const cwd = join(this.#folder, 'probe');
    mkdirSync(cwd);
    writeFileSync(
      join(cwd, 'main.tf'),
      'terraform {\n  required_providers {\n    aws = {\n      source = "hashicorp/aws"\n    }\n  }\n}\n',
    );
    const run = (...args: string[]) =>
      spawnSync('terraform', args, { cwd, env: { ...process.env, ...this.env }, encoding: 'utf8' }).stdout;
    const { platform } = JSON.parse(run('version', '-json')) as { platform: string };
    const host = /provider\[([^\]]+)\/hashicorp\/aws\]/.exec(run('providers'))?.[1];
    if (host === undefined) throw new Error('Terraform does not say where it looks for providers');
    return { host, platform };
  }

  dispose(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
