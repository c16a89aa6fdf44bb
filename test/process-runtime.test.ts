import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { createProcessRuntime } from '../localcloud/process-runtime/process-runtime.ts';
import { listProcesses } from '../localcloud/process-runtime/process-table.ts';
import {
  type ContainerLaunch,
  type RunningContainer,
  type TaskLaunch,
  type TaskPlace,
  type TaskRuntime,
  TaskStartError,
} from '../localcloud/task-runtime.ts';
import { systemClock } from '../platform/clock.ts';
import { silentLog } from '../platform/log.ts';
import { systemRandom } from '../platform/random.ts';

let folder: string;
/** A task of one container, as most of them are. */
interface RunningTask extends RunningContainer {
  address: string | undefined;
  port: number | undefined;
}
type Sole = Partial<ContainerLaunch> & { taskId?: string };

let started: RunningTask[];
let places: TaskPlace[];
let lines: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tempus-process-'));
  started = [];
  places = [];
  lines = [];
});

afterEach(async () => {
  await Promise.all(started.map((task) => task.stop()));
  await Promise.all(places.map((place) => place.close()));
  await rm(folder, { recursive: true, force: true });
});

function runtime(platform?: NodeJS.Platform) {
  return createProcessRuntime({
    clock: systemClock,
    log: silentLog,
    path: folder,
    images: { sample: { command: ['node', '-e', 'console.log("sample")'] }, bare: { command: [] } },
    hostEnv: { PATH: process.env['PATH'], HOME: folder, SECRET: 'of the host' },
    ...(platform ? { platform } : {}),
  });
}

function container(script: string, more: Partial<ContainerLaunch> = {}): ContainerLaunch {
  return {
    name: 'app',
    image: 'bare',
    command: ['node', '-e', script],
    env: {},
    ports: [],
    stopTimeoutMs: 5000,
    onLog: (line) => lines.push(line),
    ...more,
  };
}

function taskOf(...containers: ContainerLaunch[]): TaskLaunch {
  return { taskId: systemRandom.uuid().replaceAll('-', ''), cpu: 256, memory: 512, containers };
}

async function prepare(task: TaskLaunch, instance: TaskRuntime = runtime()): Promise<TaskPlace> {
  const made = await instance.prepare(task);
  places.push(made);
  return made;
}

async function run(sole: ContainerLaunch, taskId?: string, instance?: TaskRuntime): Promise<RunningTask> {
  const task = taskOf(sole);
  const made = await prepare(taskId === undefined ? task : { ...task, taskId }, instance);
  const running = await made.start(sole.name);
  const stop = async () => {
    await running.stop();
    await made.close();
  };
  const at = made.endpoint(sole.ports[0] ?? -1);
  const whole = { ...running, stop, address: at?.address, port: at?.port };
  started.push(whole);
  return whole;
}

function start(script: string, { taskId, ...more }: Sole = {}): Promise<RunningTask> {
  return run(container(script, more), taskId);
}

const alive = async (mark: string) =>
  (await listProcesses(process.platform)).filter(({ args }) => args.includes(mark));
const line = (text: string) => vi.waitFor(() => expect(lines).toContain(text), { timeout: 10_000 });

const STUBBORN =
  'process.on("SIGTERM", () => console.log("no")); setInterval(() => {}, 1000); console.log("up")';

const module = (path: string) => JSON.stringify(join(import.meta.dirname, '..', path));

const parentScript = (path: string, body: string) => `
  import { createProcessRuntime } from ${module('localcloud/process-runtime/process-runtime.ts')};
  import { systemClock } from ${module('platform/clock.ts')};
  import { silentLog } from ${module('platform/log.ts')};
  const runtime = createProcessRuntime({ clock: systemClock, log: silentLog, path: ${JSON.stringify(path)},
    images: { bare: { command: [] } }, hostEnv: process.env });
  ${body}`;

async function killedParent(taskId: string, grace: number): Promise<void> {
  const file = join(folder, 'parent.ts');
  const sole = { name: 'app', image: 'bare', command: ['node', '-e', STUBBORN], env: {}, ports: [] };
  const task = { taskId, cpu: 256, memory: 512 };
  await writeFile(
    file,
    parentScript(
      folder,
      `const sole = { ...${JSON.stringify(sole)}, stopTimeoutMs: ${grace}, onLog: (line) => console.log(line) };
       const place = await runtime.prepare({ ...${JSON.stringify(task)}, containers: [sole] });
       await place.start('app');`,
    ),
  );
  const parent = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => parent.stdout.once('data', resolve));
  parent.kill('SIGKILL');
  await new Promise((resolve) => parent.once('exit', resolve));
}

describe('a task that ends by itself', () => {
  test('reports the exit status of its command', async () => {
    expect(await (await start('process.exit(7)')).exited).toEqual({ exitCode: 7 });
    expect(await (await start('')).exited).toEqual({ exitCode: 0 });
  });

  test('reports 128 + n when its command dies of signal n', async () => {
    const task = await start('process.kill(process.pid, "SIGKILL")');
    expect(await task.exited).toEqual({ exitCode: 137 });
  });

  test('hands over every line of stdout and stderr, the last one without a newline too', async () => {
    await (
      await start('console.log("héllo"); console.error("wörld"); process.stdout.write("end")')
    ).exited;
    expect(lines.toSorted()).toEqual(['end', 'héllo', 'wörld']);
  });

  test('leaves no child behind that its command forgot, and no guard', async () => {
    const mark = systemRandom.uuid();
    const task = await start(
      `const child = require("child_process").spawn(process.execPath,
         ["-e", "setInterval(() => {}, 1000)", "${mark}"], { stdio: "ignore" });
       child.unref(); child.once("spawn", () => process.exit(3))`,
    );
    expect(await task.exited).toEqual({ exitCode: 3 });
    expect(await alive(mark)).toEqual([]);
  });

  test('whose guard is killed from outside is killed with it', async () => {
    const mark = systemRandom.uuid();
    const taskId = systemRandom.uuid().replaceAll('-', '');
    const task = await start(STUBBORN, { taskId, command: ['node', '-e', STUBBORN, mark] });
    await line('up');
    const guard = (await alive(taskId)).find(({ pid, pgid }) => pid === pgid);
    process.kill(guard!.pid, 'SIGKILL');
    expect(await task.exited).toEqual({ signal: 'SIGKILL' });
    expect(await alive(mark)).toEqual([]);
  });

  test('gives a command that reads stdin an empty one, and no other descriptor', async () => {
    await (
      await start('console.log(JSON.stringify(require("fs").readFileSync(0, "utf8")))')
    ).exited;
    expect(lines).toEqual(['""']);
    lines = [];
    const task = await start('', {
      command: ['sh', '-c', 'for fd in 3 4 5; do (: >&$fd) 2>/dev/null && echo "open $fd"; done; echo end'],
    });
    await task.exited;
    expect(lines).toEqual(['end']);
  });
});

describe('what a task sees', () => {
  test('is its own environment, the port, and of the host only what programs need', async () => {
    await (
      await start(
        'console.log([process.env.A, process.env.SECRET, process.env.HOME, process.env.PORT].join())',
        {
          env: { A: 'x y' },
        },
      )
    ).exited;
    expect(lines).toEqual([`x y,,${folder},`]);
  });

  test('is its working directory', async () => {
    await writeFile(join(folder, 'hello.js'), 'console.log("from here")');
    await (
      await start('', { command: ['node', './hello.js'], workdir: folder })
    ).exited;
    expect(lines).toEqual(['from here']);
  });

  test('are words, never shell syntax or shell builtins', async () => {
    await (
      await start('', { command: ['echo', '$HOME', ';', 'exit 3'] })
    ).exited;
    expect(lines).toEqual(['$HOME ; exit 3']);
    await expect(start('', { command: ['exit', '3'] })).rejects.toThrow('executable file not found');
  });
});

describe('the port', () => {
  test('is the container port when it is free, and another one while it is taken or promised', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    const instance = runtime();
    const sole = container(STUBBORN, { ports: [port], stopTimeoutMs: 50 });
    const another = () => run(sole, undefined, instance);
    const other = await another();
    expect(other.port).not.toBe(port);
    await new Promise((resolve) => server.close(resolve));
    const [first, second] = await Promise.all([another(), another()]);
    expect([first.port, second.port].filter((taken) => taken === port)).toHaveLength(1);
    await Promise.all([first.stop(), second.stop()]);
    expect((await another()).port).toBe(port);
  });

  test('reaches the command as PORT, and the task answers on its address', async () => {
    const task = await start(
      'require("http").createServer((_, res) => res.end("hi")).listen(process.env.PORT, () => console.log("up"))',
      { ports: [3000], env: { PORT: '1' } },
    );
    await line('up');
    const answer = await fetch(`http://${task.address}:${task.port}/`);
    expect(await answer.text()).toBe('hi');
  });
});

const SERVER =
  'require("http").createServer((_, res) => res.end(process.env.NAME)).listen(process.env.PORT, () => console.log("up " + process.env.NAME))';

describe('several containers of a task', () => {
  test('reach each other where each was lent a port, by PORT_<NAME>', async () => {
    const env = { PORT_DB: '5432', PORT_WEB: '3000' };
    const db = container(SERVER, { name: 'db', ports: [5432], env: { ...env, NAME: 'db' } });
    const ask =
      'fetch("http://127.0.0.1:" + process.env.PORT_DB).then((r) => r.text()).then((t) => console.log("asked " + t))';
    const web = container(ask, { name: 'web', ports: [3000], env });
    const shared = runtime();
    const [one, two] = [await prepare(taskOf(db, web), shared), await prepare(taskOf(db, web), shared)];
    const both = [await one.start('db'), await two.start('db')];
    await vi.waitFor(() => expect(lines.filter((text) => text === 'up db')).toHaveLength(2), 10_000);
    expect(one.endpoint(5432)?.port).not.toBe(two.endpoint(5432)?.port);
    await (
      await two.start('web')
    ).exited;
    expect(lines).toContain('asked db');
    await Promise.all(both.map((running) => running.stop()));
  });

  test('end with their health checks when the place of the task is closed, and nothing starts there again', async () => {
    const mark = systemRandom.uuid();
    const marked = (name: string) =>
      container(STUBBORN, { name, command: ['node', '-e', STUBBORN, mark], ports: [] });
    const made = await prepare(taskOf(marked('one'), marked('two'), container('', { name: 'late' })));
    const running = [await made.start('one'), await made.start('two')];
    const check = running[0]!.check(['/bin/sh', '-c', `sleep 60; : ${mark}`], 60_000);
    await vi.waitFor(async () => expect((await alive(mark)).length).toBeGreaterThanOrEqual(7), 10_000);
    await made.close();
    expect(await alive(mark)).toEqual([]);
    expect(await check).toBe(false);
    expect(await Promise.all(running.map(({ exited }) => exited))).toEqual([
      { signal: 'SIGKILL' },
      { signal: 'SIGKILL' },
    ]);
    await expect(made.start('late')).rejects.toThrow('the task is over');
  });

  test('are checked by a command that sees what they see, and that is killed when it takes too long', async () => {
    const made = await prepare(taskOf(container(STUBBORN, { env: { A: 'b' }, stopTimeoutMs: 50 })));
    const running = await made.start('app');
    const check = (script: string, ms = 5_000) => running.check(['/bin/sh', '-c', script], ms);
    expect(await check('test "$A" = b')).toBe(true);
    expect(await check('exit 1')).toBe(false);
    expect(await check('sleep 60', 100)).toBe(false);
    expect(await running.check(['no-such-program'], 1_000)).toBe(false);
    await running.stop();
  });
});

describe('stop', () => {
  test('ends a task that obeys SIGTERM with its own status', async () => {
    const task = await start(
      'process.on("SIGTERM", () => process.exit(0)); setInterval(() => {}, 1e3); console.log("up")',
    );
    await line('up');
    await task.stop();
    expect(await task.exited).toEqual({ exitCode: 0 });
  });

  test('kills a task and its grandchildren that ignore SIGTERM, after the stop timeout', async () => {
    const mark = systemRandom.uuid();
    const task = await start(
      `require("child_process").spawn(process.execPath, ["-e", ${JSON.stringify(STUBBORN)}, "${mark}"], { stdio: "inherit" });
       process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)`,
      { stopTimeoutMs: 300 },
    );
    await line('up');
    await task.stop();
    expect(await task.exited).toEqual({ signal: 'SIGKILL' });
    expect(lines).toContain('no');
    expect(await alive(mark)).toEqual([]);
  });

  test('of a task that has ended does nothing', async () => {
    const task = await start('');
    await task.exited;
    await task.stop();
  });
});

describe('when the process that started it is gone', () => {
  test('a task ends by itself, even one that ignores SIGTERM', async () => {
    const taskId = systemRandom.uuid().replaceAll('-', '');
    await killedParent(taskId, 1000);
    await vi.waitFor(async () => expect(await alive(taskId)).toEqual([]), { timeout: 10_000 });
  });

  test('reclaim ends at once what is still there, and forgets it', async () => {
    const taskId = systemRandom.uuid().replaceAll('-', '');
    await killedParent(taskId, 600_000);
    expect(await alive(taskId)).not.toEqual([]);
    await runtime().reclaim();
    expect(await alive(taskId)).toEqual([]);
    expect(await readFile(join(folder, 'processes.json'), 'utf8')).toBe('[]');
  });

  test('reclaim spares a foreign process that has got the recorded id', async () => {
    const foreign = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
    await new Promise((resolve) => foreign.once('spawn', resolve));
    try {
      const taskId = systemRandom.uuid().replaceAll('-', '');
      await writeFile(join(folder, 'processes.json'), JSON.stringify([{ pgid: foreign.pid, taskId }]));
      await runtime().reclaim();
      expect(foreign.signalCode ?? foreign.exitCode).toBeNull();
      expect((await listProcesses(process.platform)).some(({ pid }) => pid === foreign.pid)).toBe(true);
    } finally {
      foreign.kill('SIGKILL');
    }
  });
});

describe('a task that cannot start says why', () => {
  test.each<[string, Sole, string]>([
    [
      'an image that is no program of this machine',
      { image: 'nginx:1' },
      'CannotStartContainerError: NoContainerEngine: image nginx:1 needs a container engine and none is configured',
    ],
    [
      'a missing program',
      { command: ['no-such-program'] },
      'exec: "no-such-program": executable file not found',
    ],
    [
      'a missing folder',
      { workdir: '/no/such/folder' },
      'the working directory /no/such/folder does not exist',
    ],
    ['arguments beyond the system limit', { command: ['echo', 'x'.repeat(4_000_000)] }, 'E2BIG'],
  ])('%s', async (_case, more, message) => {
    const attempt = start('', more);
    await expect(attempt).rejects.toThrow(TaskStartError);
    await expect(attempt).rejects.toThrow(message);
    await expect(attempt).rejects.toThrow('CannotStartContainerError: ');
  });

  test('an image without a command of its own', async () => {
    const { command: _none, ...bare } = container('');
    await expect(run(bare)).rejects.toThrow('image bare has no command of its own');
    await (
      await run({ ...bare, image: 'sample' })
    ).exited;
    expect(lines).toEqual(['sample']);
  });

  test('a system without process groups is refused', () => {
    expect(() => runtime('win32')).toThrow('Windows');
  });
});
