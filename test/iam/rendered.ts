import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Policy } from './policy.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** A program that plans Terraform against the provider's schema, without an account; undefined where there is none. */
export function terraformCheck(): string | undefined {
  const program = process.env['TEMPUS_TERRAFORM_CHECK'] || resolve(ROOT, '../shared/terraform-check/check');
  return existsSync(program) ? program : undefined;
}

export interface Resource {
  address: string;
  type: string;
  name: string;
  values: Readonly<Record<string, unknown>>;
}

interface PlannedModule {
  resources?: Resource[];
  child_modules?: PlannedModule[];
}

/** Everything that an install with these variables would consist of. */
export function planned(program: string, variables: Readonly<Record<string, string>>): Resource[] {
  const folder = mkdtempSync(join(tmpdir(), 'tempus-plan-'));
  try {
    const file = join(folder, 'plan.json');
    const given = Object.entries(variables).flatMap(([name, value]) => ['-var', `${name}=${value}`]);
    execFileSync(program, [join(ROOT, 'terraform'), 'plan', `-json=${file}`, ...given], { stdio: 'pipe' });
    const plan = JSON.parse(readFileSync(file, 'utf8')) as { planned_values: { root_module: PlannedModule } };
    return resourcesOf(plan.planned_values.root_module);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function resourcesOf({ resources = [], child_modules = [] }: PlannedModule): Resource[] {
  return [...resources, ...child_modules.flatMap(resourcesOf)];
}

/** The policy of each role of an install called `tempus`, by the role's name without the install's. */
export function policiesOf(resources: readonly Resource[]): Record<string, Policy> {
  const policies = resources.filter(({ type }) => type === 'aws_iam_role_policy');
  return Object.fromEntries(
    policies.map(({ address, values }) => {
      const { name, policy } = values as { name?: string; policy?: string };
      if (name === undefined || policy === undefined) throw new Error(`${address} is known only after apply`);
      return [name.replace(/^tempus-/, ''), JSON.parse(policy) as Policy];
    }),
  );
}
