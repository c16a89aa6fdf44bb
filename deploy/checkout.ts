import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readAccount } from './provider.ts';
import { Refusal } from './refusal.ts';

export const ROOT = resolve(import.meta.dirname, '..');

/** What `make setup` decides, and nothing changes afterwards: other values would be another install. */
export interface Install {
  install: string;
  region: string;
}

/** An install, and the account that it is in. */
export interface Place extends Install {
  account: string;
}

/** Full references of what `make push` has pushed, under the names of Terraform's variables. */
export interface Images {
  control_plane_image: string;
  default_image: string;
}

/**
 * The files of this checkout that belong to an install and not to the product; git ignores them. Each is written as a
 * whole or not at all.
 */
export const FILES = {
  /** Where the state of the install is. Written last by setup: with it, setup is over. */
  backend: 'terraform/backend.tf',
  install: 'terraform/install.auto.tfvars.json',
  images: 'terraform/images.auto.tfvars.json',
  choices: 'terraform/terraform.tfvars',
  /** The account of the install: other credentials are refused. */
  provider: 'terraform/provider_override.tf',
  bootstrap_provider: 'terraform/bootstrap/provider_override.tf',
  /** Where the state of the bucket and the repositories themselves is. */
  bootstrap_backend: 'terraform/bootstrap/backend.tf',
} as const;

export type CheckoutFile = (typeof FILES)[keyof typeof FILES];

export function readFile(file: CheckoutFile): string | undefined {
  const path = join(ROOT, file);
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

export function writeFile(file: CheckoutFile, text: string): void {
  const path = join(ROOT, file);
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

export function removeFile(file: CheckoutFile): void {
  rmSync(join(ROOT, file), { force: true });
}

export const writeJson = (file: CheckoutFile, value: object): void =>
  writeFile(file, `${JSON.stringify(value, undefined, 2)}\n`);

/** What this checkout was set up for; undefined while it is not, or not to the end. */
export function findInstall(): Install | undefined {
  const text = readFile(FILES.install);
  return text === undefined ? undefined : (JSON.parse(text) as Install);
}

/** The account that this checkout was set up in; undefined as above. */
export function findAccount(): string | undefined {
  return readAccount(readFile(FILES.provider) ?? '');
}

/** Throws Refusal where `make setup` has not got to its end. */
export function requireInstall(): Place {
  const [install, account] = [findInstall(), findAccount()];
  if (install && account !== undefined && readFile(FILES.backend) !== undefined)
    return { ...install, account };
  throw new Refusal(
    'this checkout is not set up for an install',
    `there is no ${!install ? FILES.install : account === undefined ? FILES.provider : FILES.backend}`,
    'make setup ALLOWED_CIDRS=…; where the install exists already it finds it, and creates nothing',
  );
}
