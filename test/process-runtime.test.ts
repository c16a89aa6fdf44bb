import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { createProcessRuntime } from '../localcloud/process-runtime/process-runtime.ts';
import { listProcesses } from '../localcloud/process-runtime/process-table.ts';
import { type RunningTask, type TaskLaunch, TaskStartError } from '../localcloud/task-runtime.ts';
import { systemClock } from '../platform/clock.ts';
import { silentLog } from '../platform/log.ts';
import { systemRandom } from '../platform/random.ts';

let folder: string;
let started: RunningTask[];
let lines: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tempus-process-'));
  started = [];
  lines = [];
});

afterEach(async () => {
  await Promise.all(started.map((task) => task.stop()));
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

function launch(script: string, more: Partial<TaskLaunch> = {}): TaskLaunch {
  return {
    taskId: systemRandom.uuid().replaceAll('-', ''),
    image: 'bare',
    command: ['node', '-e', script],
    env: {},
    cpu: 256,
    memory: 512,
    stopTimeoutMs: 5000,
    onLog: (line) => lines.push(line),
    ...more,
  };
}

async function start(script: string, more: Partial<TaskLaunch> = {}): Promise<RunningTask> {
  const task = await runtime().start(launch(script, more));
  started.push(task);
  return task;
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
  const task = { taskId, image: 'bare', command: ['node', '-e', STUBBORN], env: {}, cpu: 256, memory: 512 };
  await writeFile(
    file,
    parentScript(
      folder,
      `await runtime.start({ ...${JSON.stringify(task)}, stopTimeoutMs: ${grace}, onLog: (line) => console.log(line) });`,
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
    const task = await runtime().start(
      launch('', {
        command: ['sh', '-c', 'for fd in 3 4 5; do (: >&$fd) 2>/dev/null && echo "open $fd"; done; echo end'],
      }),
    );
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
    const run = async () => {
      const task = await instance.start(launch(STUBBORN, { containerPort: port, stopTimeoutMs: 50 }));
      started.push(task);
      return task;
    };
    const other = await run();
    expect(other.port).not.toBe(port);
    await new Promise((resolve) => server.close(resolve));
    const [first, second] = await Promise.all([run(), run()]);
    expect([first.port, second.port].filter((taken) => taken === port)).toHaveLength(1);
    await Promise.all([first.stop(), second.stop()]);
    expect((await run()).port).toBe(port);
  });

  test('reaches the command as PORT, and the task answers on its address', async () => {
    const task = await start(
      'require("http").createServer((_, res) => res.end("hi")).listen(process.env.PORT, () => console.log("up"))',
      { containerPort: 3000, env: { PORT: '1' } },
    );
    await line('up');
    const answer = await fetch(`http://${task.address}:${task.port}/`);
    expect(await answer.text()).toBe('hi');
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
  test.each<[string, Partial<TaskLaunch>, string]>([
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
    const { command: _none, ...bare } = launch('');
    await expect(runtime().start(bare)).rejects.toThrow('image bare has no command of its own');
    await (
      await runtime().start({ ...bare, image: 'sample' })
    ).exited;
    expect(lines).toEqual(['sample']);
  });

  test('a system without process groups is refused', () => {
    expect(() => runtime('win32')).toThrow('Windows');
  });
});
