import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { once } from 'node:events';
import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { PreviewView } from '../../preview/view.ts';

export const ROOT = resolve(import.meta.dirname, '../..');

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  scripts: { start: string };
};
/** What `npm start` runs, flags included. */
const START = manifest.scripts.start.replace(/^node /, '').split(' ');

export interface Reply {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

/** One request to this machine. Node knows no *.localhost names, so the host goes where browsers put it. */
export function ask(
  url: string,
  options: { host?: string; method?: string; body?: string; headers?: object } = {},
) {
  return new Promise<Reply>((done, fail) => {
    const target = new URL(url);
    const sent = request(
      {
        host: '127.0.0.1',
        port: target.port,
        path: `${target.pathname}${target.search}`,
        method: options.method ?? 'GET',
        headers: { host: options.host ?? target.host, ...options.headers },
        agent: false,
        timeout: 10_000,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          done({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(chunks).toString(),
          }),
        );
        response.on('error', fail);
      },
    );
    sent.on('timeout', () => sent.destroy(new Error(`no answer from ${url}`)));
    sent.on('error', fail);
    sent.end(options.body);
  });
}

/** Below the ports that the system gives to outgoing connections: one of those could take it before it is used. */
const PORTS = { from: 12_000, to: 32_000 } as const;

export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(PORTS.from, PORTS.to);
    const server = createServer();
    const free = await new Promise<boolean>((done) => {
      server.once('error', () => done(false));
      server.listen(port, '127.0.0.1', () => done(true));
    });
    if (!free) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

/** Looks until `look` answers something, or fails with what it saw last. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false>,
  ms = 40_000,
): Promise<T> {
  const end = performance.now() + ms;
  let last: unknown;
  while (performance.now() < end) {
    try {
      const seen = await look();
      if (seen) return seen;
    } catch (error) {
      last = error;
    }
    await delay(25);
  }
  throw new Error(`${what} did not happen within ${ms} ms`, { cause: last });
}

export interface LaptopOptions {
  home?: string;
  args?: string[];
  env?: Record<string, string>;
}

/** A real laptop mode in a process of its own, on a home and on ports of its own. */
export class Laptop {
  readonly home: string;
  readonly ports: { api: number; router: number; aws: number };
  readonly #env: Record<string, string>;
  readonly #args: string[];
  #child: ChildProcess | undefined;
  output = '';

  private constructor(home: string, ports: Laptop['ports'], options: LaptopOptions) {
    this.home = home;
    this.ports = ports;
    this.#env = options.env ?? {};
    this.#args = options.args ?? ['--no-demo'];
  }

  static async prepare(options: LaptopOptions = {}): Promise<Laptop> {
    const home = options.home ?? mkdtempSync(join(tmpdir(), 'tempus-'));
    const ports = { api: await freePort(), router: await freePort(), aws: await freePort() };
    return new Laptop(home, ports, options);
  }

  static async start(options: LaptopOptions = {}): Promise<Laptop> {
    const laptop = await Laptop.prepare(options);
    await laptop.start();
    return laptop;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get api(): string {
    return `http://127.0.0.1:${this.ports.api}`;
  }

  get aws(): string {
    return `http://127.0.0.1:${this.ports.aws}`;
  }

  spawn(): ChildProcess {
    const child = spawn(process.execPath, [...START, ...this.#args], {
      cwd: ROOT,
      env: {
        PATH: process.env['PATH'],
        HOME: this.home,
        TEMPUS_HOME: this.home,
        // Whether this machine has Docker is for the tests to say that mean it.
        TEMPUS_RUNTIME: 'process',
        TEMPUS_API_PORT: String(this.ports.api),
        TEMPUS_ROUTER_PORT: String(this.ports.router),
        TEMPUS_AWS_PORT: String(this.ports.aws),
        ...this.#env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const collect = (chunk: Buffer) => (this.output += chunk.toString());
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
    this.#child = child;
    return child;
  }

  async start(): Promise<void> {
    this.output = '';
    const child = this.spawn();
    await until(
      `the start (${this.home})`,
      async () => {
        if (child.exitCode !== null) throw new Error(this.output);
        return this.output.includes('ready in') || undefined;
      },
      30_000,
    );
  }

  /** Ends the process and waits until it is gone; answers its exit code. */
  async end(signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL' = 'SIGINT'): Promise<number | null> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
    return child.exitCode;
  }

  async dispose(): Promise<void> {
    await this.end('SIGKILL');
    rmSync(this.home, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }

  /**
   * Creates a preview. A command gets a port of its own where it names none: several laptop modes share this machine,
   * and a command that never listens must not be taken for one of another that does.
   */
  async create(
    body: { command?: unknown; port?: number; [field: string]: unknown },
    headers: Record<string, string> = {},
  ): Promise<PreviewView> {
    const port = body.command === undefined ? {} : { port: await freePort() };
    const reply = await ask(`${this.api}/preview/create`, {
      method: 'POST',
      body: JSON.stringify({ ...port, ...body }),
      headers: { 'content-type': 'application/json', ...headers },
    });
    if (reply.status !== 202) throw new Error(`${reply.status} ${reply.text}`);
    return JSON.parse(reply.text) as PreviewView;
  }

  async get(id: string): Promise<PreviewView> {
    const reply = await ask(`${this.api}/preview/${id}`);
    if (reply.status !== 200) throw new Error(`${reply.status} ${reply.text}`);
    return JSON.parse(reply.text) as PreviewView;
  }

  async delete(id: string): Promise<PreviewView> {
    const reply = await ask(`${this.api}/preview/${id}`, { method: 'DELETE' });
    if (reply.status !== 202) throw new Error(`${reply.status} ${reply.text}`);
    return JSON.parse(reply.text) as PreviewView;
  }

  /** The preview once it is in `phase`; a phase that cannot lead there any more fails at once. */
  reach(id: string, phase: PreviewView['phase'], ms?: number): Promise<PreviewView> {
    return until(
      `${phase} of ${id}`,
      async () => {
        const view = await this.get(id);
        return view.phase === phase && view;
      },
      ms,
    );
  }

  /** A request to a preview by its own host. */
  visit(view: Pick<PreviewView, 'id'>, path = '/'): Promise<Reply> {
    const { router } = this.ports;
    return ask(`http://127.0.0.1:${router}${path}`, { host: `preview-${view.id}.localhost:${router}` });
  }
}
