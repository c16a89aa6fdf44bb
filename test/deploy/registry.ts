import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, until } from '../e2e/laptop-process.ts';

const PROGRAM = 'docker-registry';
/** `PASSWORD` as bcrypt makes it: the registry takes no other form. */
const HASH = '$2y$05$abcdefghijklmnopqrstuuoePaFlY1zibzb/JZlPqaHpsMO1NwAhi';
export const PASSWORD = 'only-for-this-test';

export function hasRegistry(): boolean {
  try {
    execFileSync(PROGRAM, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false; // Debian's package of that name is not installed
  }
}

/** A real registry on loopback. With a user it asks everybody for the name AWS and PASSWORD, as ECR does. */
export class Registry {
  readonly #home: string;
  readonly #child: ChildProcess;
  readonly host: string;

  private constructor(home: string, child: ChildProcess, host: string) {
    this.#home = home;
    this.#child = child;
    this.host = host;
  }

  static async start({ asks }: { asks: boolean }): Promise<Registry> {
    const home = mkdtempSync(join(tmpdir(), 'tempus-registry-'));
    const host = `127.0.0.1:${await freePort()}`;
    const users = join(home, 'users');
    writeFileSync(users, `AWS:${HASH}\n`);
    const config = {
      version: '0.1',
      log: { level: 'error' },
      storage: { filesystem: { rootdirectory: join(home, 'data') } },
      http: { addr: host },
      ...(asks ? { auth: { htpasswd: { realm: 'test', path: users } } } : {}),
    };
    const file = join(home, 'config.yml');
    writeFileSync(file, JSON.stringify(config));
    const child = spawn(PROGRAM, ['serve', file], { stdio: 'ignore' });
    const registry = new Registry(home, child, host);
    await until('the registry', async () => (await fetch(`http://${host}/v2/`)).status > 0, 10_000);
    return registry;
  }

  /** A manifest as it is stored, or undefined. */
  async manifest(repository: string, tag: string): Promise<Manifest | undefined> {
    const headers = {
      accept: [
        'application/vnd.docker.distribution.manifest.v2+json',
        'application/vnd.docker.distribution.manifest.list.v2+json',
        'application/vnd.oci.image.manifest.v1+json',
      ].join(),
      authorization: `Basic ${Buffer.from(`AWS:${PASSWORD}`).toString('base64')}`,
    };
    const reply = await fetch(`http://${this.host}/v2/${repository}/manifests/${tag}`, { headers });
    if (reply.status === 404) return undefined;
    const digest = reply.headers.get('docker-content-digest') ?? '';
    return { ...((await reply.json()) as Omit<Manifest, 'digest'>), digest };
  }

  async stop(): Promise<void> {
    this.#child.kill();
    await once(this.#child, 'exit');
    rmSync(this.#home, { recursive: true, force: true });
  }
}

export interface Manifest {
  digest: string;
  mediaType: string;
  manifests?: { platform: { architecture: string } }[];
}
