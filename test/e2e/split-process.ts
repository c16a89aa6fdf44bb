import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WireCall } from '../../localcloud/wire/server.ts';
import type { PreviewView } from '../../preview/view.ts';
import { noteCall, type Role } from '../iam/journal.ts';
import { ask, freePort, ROOT, until } from './laptop-process.ts';
import { processesWith } from './world.ts';

/** The parts of split mode, by the file that each of them runs. */
export const PARTS = {
  localcloud: 'laptop/split/cloud.ts',
  lambda: 'laptop/split/lambda.ts',
  api: 'api/main.ts',
  controller: 'controller/main.ts',
} as const;

/** A real split mode: seven processes of its own, on a home and on ports of its own. */
export class Split {
  readonly home = mkdtempSync(join(tmpdir(), 'tempus-split-'));
  readonly ports: { api: number; router: number; aws: number };
  readonly #journal = join(this.home, 'calls.jsonl');
  #child: ChildProcess | undefined;
  output = '';

  private constructor(ports: Split['ports']) {
    this.ports = ports;
  }

  static async prepare(): Promise<Split> {
    return new Split({ api: await freePort(), router: await freePort(), aws: await freePort() });
  }

  get aws(): string {
    return `http://127.0.0.1:${this.ports.aws}`;
  }

  /** Resolves once the API answers. */
  async start(): Promise<void> {
    this.output = '';
    const child = spawn(process.execPath, ['laptop/split/main.ts'], {
      cwd: ROOT,
      env: {
        PATH: process.env['PATH'],
        // All of its processes, and what they start, carry the folder's name: by it they are counted.
        HOME: this.home,
        TEMPUS_HOME: this.home,
        TEMPUS_RUNTIME: 'process',
        TEMPUS_CALL_JOURNAL: this.#journal,
        TEMPUS_API_PORT: String(this.ports.api),
        TEMPUS_ROUTER_PORT: String(this.ports.router),
        TEMPUS_AWS_PORT: String(this.ports.aws),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    await until('the start of split mode', async () => {
      if (child.exitCode !== null) throw new Error(this.output);
      return this.output.includes('Health');
    });
  }

  /** Signals the process that started the others, and only it; answers its exit code. */
  async end(signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL'): Promise<number | null> {
    this.#child?.kill(signal);
    return this.ended();
  }

  async ended(): Promise<number | null> {
    const child = this.#child;
    if (!child) return null;
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    return child.exitCode;
  }

  /** Every process that belongs to it, tasks of previews included. */
  processes(): number[] {
    return processesWith(`HOME=${this.home}`);
  }

  /** The processes of one part: the program, and the shell that guards it. */
  pidsOf(part: keyof typeof PARTS): number[] {
    const here = new Set(this.processes());
    return processesWith(PARTS[part]).filter((pid) => here.has(pid));
  }

  /** Ends a part as nobody can prepare for, and waits until another one runs in its place. */
  async kill(part: 'api' | 'lambda'): Promise<void> {
    const pids = this.pidsOf(part);
    if (pids.length === 0) throw new Error(`no ${part} runs`);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    await until(`another ${part}`, async () => {
      const now = this.pidsOf(part);
      return now.length > 0 && !now.some((pid) => pids.includes(pid));
    });
  }

  async call<T>(path: string, method = 'GET', body?: object): Promise<T> {
    const reply = await ask(`http://127.0.0.1:${this.ports.api}${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    if (reply.status >= 300) throw new Error(`${reply.status} ${reply.text}`);
    return JSON.parse(reply.text) as T;
  }

  reach(id: string, phase: PreviewView['phase'], ms?: number): Promise<PreviewView> {
    return until(
      `${phase} of ${id}`,
      async () => {
        const view = await this.call<PreviewView>(`/preview/${id}`);
        return view.phase === phase && view;
      },
      ms,
    );
  }

  visit(id: string, headers: object = {}) {
    const { router } = this.ports;
    return ask(`http://127.0.0.1:${router}/`, { host: `preview-${id}.localhost:${router}`, headers });
  }

  /** The process of the controller that leads, as it says itself; undefined while none has said so. */
  async leader(): Promise<number | undefined> {
    const { controller } = await this.call<{ controller: { leader: string } | null }>('/system');
    const pid = Number(/-(\d+)-[0-9a-f]{8}-/.exec(controller?.leader ?? '')?.[1]);
    return this.pidsOf('controller').includes(pid) ? pid : undefined;
  }

  async dispose(): Promise<void> {
    // What a test has stopped on its way cannot hear that it shall end.
    for (const pid of this.processes()) process.kill(pid, 'SIGCONT');
    await this.end('SIGKILL');
    await until('the end of every process', async () => this.processes().length === 0);
    this.#noteCalls();
    rmSync(this.home, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }

  /** For the comparison with what each role may do on AWS. The last line may be half of one. */
  #noteCalls(): void {
    const lines = existsSync(this.#journal)
      ? readFileSync(this.#journal, 'utf8').split('\n').slice(0, -1)
      : [];
    for (const line of lines) {
      const { caller, service, operation, input } = JSON.parse(line) as WireCall;
      const role = ROLES.get(caller);
      if (role) noteCall(role, service, operation, input);
    }
  }
}

/** Parts that are a process of their own; both functions run in one. */
const ROLES: ReadonlyMap<string, Role> = new Map([
  ['tempus-api', 'api'],
  ['tempus-controller', 'controller'],
]);
