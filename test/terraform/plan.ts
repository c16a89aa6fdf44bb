import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { FUNCTIONS } from '../../deploy/build.ts';
import { bundle } from '../../deploy/bundle.ts';
import { pack } from '../../deploy/pack.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

/** A program that plans Terraform against the provider's schema, without an account; undefined where there is none. */
export function terraformCheck(): string | undefined {
  const program = process.env['TEMPUS_TERRAFORM_CHECK'] || resolve(ROOT, '../shared/terraform-check/check');
  return existsSync(program) ? program : undefined;
}

export type Variables = Readonly<Record<string, string>>;
export type Values = Readonly<Record<string, unknown>>;

export interface Resource {
  address: string;
  type: string;
  name: string;
  index?: number | string;
  /** As planned; what is known only after apply is absent or null. */
  values: Values;
}

/** What Terraform wrote of one expression: its operands are named, also where their values are not known yet. */
interface Expression {
  references?: string[];
}

interface Configured {
  address: string;
  expressions: Readonly<Record<string, Expression | Readonly<Record<string, Expression>>[]>>;
}

interface Module {
  resources?: Resource[];
  child_modules?: Module[];
}

/** The part of `terraform show -json` that is used here. */
interface PlanFile {
  planned_values: { root_module: Module };
  output_changes: Record<string, { after?: unknown }>;
  checks: { address: { to_display: string }; status: string }[];
  configuration: {
    root_module: { resources: Configured[] };
  };
}

/** Everything that an install with these variables would consist of. */
export class Plan {
  readonly resources: readonly Resource[];
  readonly #file: PlanFile;

  constructor(file: PlanFile) {
    this.#file = file;
    this.resources = resourcesOf(file.planned_values.root_module);
  }

  of(type: string): Resource[] {
    return this.resources.filter((resource) => resource.type === type);
  }

  /** The one resource at an address. Throws where there is none. */
  at(address: string): Resource {
    const found = this.resources.find((resource) => resource.address === address);
    if (!found) throw new Error(`the plan has no ${address}`);
    return found;
  }

  /**
   * Addresses, without index, of the planned resources that one argument of a resource is made of: `block.argument` for an
   * argument of a block.
   */
  referencesOf({ type, name }: Resource, argument: string): string[] {
    const configured = this.#file.configuration.root_module.resources;
    const { expressions } = configured.find(({ address }) => address === `${type}.${name}`) ?? {};
    const [first = '', second] = argument.split('.');
    const found = expressions?.[first];
    const blocks = Array.isArray(found) ? found : [];
    const parts = second === undefined ? [found as Expression] : blocks.map((block) => block[second]);
    const named = parts.flatMap((part) => part?.references ?? []);
    const addresses = new Set(this.resources.map((resource) => `${resource.type}.${resource.name}`));
    return [...new Set(named.map((one) => one.replace(/\[.*/, '')))].filter((one) => addresses.has(one));
  }

  /** An output as planned; what only apply will tell is absent from it. */
  output(name: string): unknown {
    return this.#file.output_changes[name]?.after;
  }

  /** Addresses, without index, of resources on which apply will check something that nobody can know before. */
  get checkedAtApply(): string[] {
    return this.#file.checks.flatMap(({ address, status }) =>
      status === 'unknown' ? [address.to_display] : [],
    );
  }
}

function resourcesOf({ resources = [], child_modules = [] }: Module): Resource[] {
  return [...resources, ...child_modules.flatMap(resourcesOf)];
}

/**
 * A copy of terraform/ beside archives of its own: those in dist/ may be missing, old, or about to be made anew by another
 * test.
 */
export class Stage {
  /** Holds terraform/ and dist/. */
  readonly folder: string;
  readonly #program: string;

  private constructor(program: string, folder: string) {
    this.#program = program;
    this.folder = folder;
  }

  static async set(program: string): Promise<Stage> {
    const folder = mkdtempSync(join(tmpdir(), 'tempus-plan-'));
    cpSync(join(ROOT, 'terraform'), join(folder, 'terraform'), {
      recursive: true,
      // What whoever deploys from this checkout has there is no part of the product.
      filter: (path) => !/\/(\.terraform.*|backend\.tf|.*\.tfvars|.*\.tfstate.*)$/.test(path),
    });
    mkdirSync(join(folder, 'dist'));
    for (const [name, from] of Object.entries(FUNCTIONS)) {
      const code = await bundle(join(ROOT, from), { small: true });
      writeFileSync(join(folder, 'dist', `${name}.zip`), pack({ 'index.mjs': code }));
    }
    return new Stage(program, folder);
  }

  /** Plans from nothing. Rejects with Terraform's own words where it refuses. */
  async plan(variables: Variables, module = '.'): Promise<Plan> {
    const folder = mkdtempSync(join(this.folder, 'plan-'));
    const file = join(folder, 'plan.json');
    await this.#check('plan', variables, module, [`-json=${file}`]);
    return new Plan(JSON.parse(readFileSync(file, 'utf8')) as PlanFile);
  }

  /** Applies, plans again, which must find nothing to change, and destroys; answers what that printed. */
  apply(variables: Variables): Promise<string> {
    return this.#check('apply', variables, '.', []);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #check(mode: string, variables: Variables, module: string, more: string[]): Promise<string> {
    const given = Object.entries(variables).flatMap(([name, value]) => ['-var', `${name}=${value}`]);
    const { stdout } = await run(
      this.#program,
      [join(this.folder, 'terraform', module), mode, ...more, ...given],
      { maxBuffer: 16_000_000 },
    );
    return stdout;
  }
}
