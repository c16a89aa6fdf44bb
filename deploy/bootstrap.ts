import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { print } from '../platform/terminal.ts';
import { s3Backend, type StatePlace } from './backend.ts';
import { FILES, type Install, removeFile, ROOT, writeFile } from './checkout.ts';
import { providerOverride } from './provider.ts';
import { Refusal } from './refusal.ts';
import { type ImageRepository, PARTS } from './repositories.ts';
import { type Resource, Terraform } from './terraform.ts';

const FOLDER = join(ROOT, 'terraform/bootstrap');
const STATE_FILE = join(FOLDER, 'terraform.tfstate');
const KEY = 'bootstrap.tfstate';

/**
 * What setup has to do: `make` what an install begins with, which also goes on with what broke off here, or `join` what
 * was made before. Throws Refusal where neither would be right.
 */
export function judgeSetup(
  found: readonly ImageRepository[],
  state: 's3' | 'local',
  isOurs: boolean,
): 'make' | { join: string } {
  if (isOurs || found.length === 0) return 'make';
  const [place = ''] = found.flatMap((one) => one.state ?? []);
  if (found.length < PARTS.length)
    throw new Refusal(
      'a first make setup of this install broke off elsewhere',
      `there is ${found.map(({ name }) => name).join()} and not the other repository, and its state is not here`,
      'repeat make setup in that checkout; should it be lost, delete the repository, or take it up with terraform import',
    );
  if (place === 'local')
    throw new Refusal(
      'this install was set up with STATE=local in another checkout',
      'what Terraform knows of it is in that checkout alone',
      'go on there, or choose another name: make setup INSTALL=…',
    );
  if (state === 'local')
    throw new Refusal(
      'this install has its state in a bucket',
      `it was set up before, with ${place}`,
      'leave STATE=local out',
    );
  return { join: place };
}

/** Whether this checkout holds the state of bucket and repositories, other than a copy that has gone to the bucket. */
export function holdsState(): boolean {
  if (!existsSync(STATE_FILE)) return false;
  const text = readFileSync(STATE_FILE, 'utf8').trim();
  return text !== '' && ((JSON.parse(text) as { resources?: unknown[] }).resources ?? []).length > 0;
}

/** Bucket and repositories of an install, and the state that knows them, which ends in the bucket itself. */
export class Bootstrap {
  readonly #terraform = new Terraform(FOLDER);
  readonly #install: Install;
  readonly #account: string;

  constructor(install: Install, account: string) {
    this.#install = install;
    this.#account = account;
  }

  /** Makes what is missing; broken off at any point, another call goes on. */
  async make(state: 's3' | 'local'): Promise<StatePlace> {
    removeFile(FILES.bootstrap_backend);
    await this.#begin();
    await this.#apply(state, false);
    if (state === 'local') return 'local';
    const { state_bucket } = await this.#terraform.outputs();
    const bucket = String(state_bucket);
    print(`Moving the state of bucket and repositories into ${bucket}`);
    this.#writeBackend(bucket);
    await this.#terraform.init('-migrate-state', '-force-copy');
    forgetStateFiles();
    return { bucket };
  }

  /** Takes up what somebody has made before, and creates nothing. */
  async join(bucket: string): Promise<StatePlace> {
    this.#writeBackend(bucket);
    await this.#begin();
    if ((await this.#terraform.resources()).length > 0) return { bucket };
    removeFile(FILES.bootstrap_backend);
    removeFile(FILES.bootstrap_provider);
    throw new Refusal(
      'a first make setup of this install has not got to its end',
      `${bucket} does not hold the state of bucket and repositories yet`,
      'repeat make setup in the checkout where it began',
    );
  }

  /** Moves the state of bucket and repositories back to this checkout: a bucket cannot hold the state of its own end. */
  async takeBack(place: StatePlace): Promise<void> {
    if (place === 'local' || holdsState()) return;
    await this.join(place.bucket);
    print('Moving the state of bucket and repositories back to this checkout');
    removeFile(FILES.bootstrap_backend);
    await this.#terraform.init('-migrate-state', '-force-copy');
  }

  /** Takes bucket and repositories away, with all states and images. Broken off at any point, another call goes on. */
  async destroy(): Promise<void> {
    removeFile(FILES.bootstrap_backend);
    await this.#begin();
    const standing = await this.#terraform.resources();
    const state = standing.some(({ type }) => type === 'aws_s3_bucket') ? 's3' : 'local';
    // AWS deletes neither what is not empty; the provider empties what was told before that it may.
    if (standing.some(isHeld)) await this.#apply(state, true);
    await this.#terraform.run('destroy', '-input=false', '-auto-approve', ...this.#variables(state, true));
    forgetStateFiles();
    removeFile(FILES.bootstrap_provider);
  }

  async #begin(): Promise<void> {
    writeFile(FILES.bootstrap_provider, providerOverride(this.#account));
    await this.#terraform.begin();
  }

  #apply(state: 's3' | 'local', disposable: boolean): Promise<void> {
    return this.#terraform.run(
      'apply',
      '-input=false',
      '-auto-approve',
      ...this.#variables(state, disposable),
    );
  }

  #variables(state: 's3' | 'local', disposable: boolean): string[] {
    const { install, region } = this.#install;
    const values = { install, region, state, disposable };
    return Object.entries(values).map(([name, value]) => `-var=${name}=${value}`);
  }

  #writeBackend(bucket: string): void {
    writeFile(
      FILES.bootstrap_backend,
      s3Backend({ bucket, key: KEY, region: this.#install.region, account: this.#account }),
    );
  }
}

function isHeld({ values }: Resource): boolean {
  return values['force_destroy'] === false || values['force_delete'] === false;
}

function forgetStateFiles(): void {
  for (const file of [STATE_FILE, `${STATE_FILE}.backup`]) rmSync(file, { force: true });
}
