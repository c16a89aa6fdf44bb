import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, vi } from 'vitest';

import { createDockerRuntime } from '../../localcloud/docker-runtime/docker-runtime.ts';
import type { ContainerLaunch, TaskLaunch, TaskPlace, TaskRuntime } from '../../localcloud/task-runtime.ts';
import { systemClock } from '../../platform/clock.ts';
import { silentLog } from '../../platform/log.ts';
import { systemRandom } from '../../platform/random.ts';
import { clearInstall, describeDocker, docker, standingOn } from './engine.ts';
import { busyboxImage, foreignImage } from './images.ts';

const hex = () => systemRandom.uuid().replaceAll('-', '');

describeDocker('the Docker runtime', (test) => {
  let image: string;
  let folder: string;
  const install = hex().slice(0, 12);
  const places: TaskPlace[] = [];
  let runtime: TaskRuntime;
  const lines: string[] = [];

  beforeAll(() => {
    image = busyboxImage();
    folder = mkdtempSync(join(tmpdir(), 'tempus-docker-'));
    runtime = create();
  });

  afterEach(async () => {
    await Promise.all(places.splice(0).map((place) => place.close()));
    lines.length = 0;
  });

  afterAll(() => {
    clearInstall(install);
    rmSync(folder, { recursive: true, force: true });
  });

  function create(hostEnv: Record<string, string | undefined> = {}): TaskRuntime {
    const env = { PATH: process.env['PATH'], HOME: folder, SECRET: 'of the host', ...hostEnv };
    return createDockerRuntime({ clock: systemClock, log: silentLog, path: folder, install, hostEnv: env });
  }

  function container(more: Partial<ContainerLaunch> = {}): ContainerLaunch {
    return {
      name: 'app',
      image,
      env: {},
      ports: [],
      stopTimeoutMs: 2_000,
      onLog: (line) => lines.push(line),
      ...more,
    };
  }

  function shell(script: string, more: Partial<ContainerLaunch> = {}): ContainerLaunch {
    return container({ command: ['sh', '-c', script], ...more });
  }

  function launch(...containers: ContainerLaunch[]): TaskLaunch {
    return { taskId: hex(), cpu: 256, memory: 64, containers };
  }

  async function open(...containers: ContainerLaunch[]): Promise<TaskPlace> {
    const place = await runtime.prepare(launch(...containers));
    places.push(place);
    return place;
  }

  async function run(only: ContainerLaunch) {
    return (await open(only)).start(only.name);
  }

  const said = (text: string) => vi.waitFor(() => expect(lines).toContain(text), { timeout: 10_000 });

  async function answer(place: TaskPlace, port: number): Promise<string> {
    const { address, port: published } = place.endpoint(port) ?? {};
    return vi.waitFor(async () => (await fetch(`http://${address}:${published}/`)).text(), {
      timeout: 10_000,
    });
  }

  test('a container reports its exit code, and every line it wrote before', async () => {
    const running = await run(shell('echo out; echo err >&2; printf end; exit 3'));
    expect(await running.exited).toEqual({ exitCode: 3 });
    expect(lines.toSorted()).toEqual(['end', 'err', 'out']);
  });

  test('a container that ends at once has still been started', async () => {
    const running = await run(shell('exit 0'));
    expect(await running.exited).toEqual({ exitCode: 0 });
  });

  test('no line is lost of a program that writes faster than it is read', async () => {
    const running = await run(shell('i=0; while [ $i -lt 100000 ]; do echo $i; i=$((i+1)); done'));
    await running.exited;
    expect(lines).toHaveLength(100_000);
    expect(lines.at(-1)).toBe('99999');
  });

  test('an image runs its own command, and its port answers on 127.0.0.1 under another number', async () => {
    const place = await open(container({ env: { PORT: '3000' }, ports: [3000] }));
    await place.start('app');
    expect(place.endpoint(3000)?.address).toBe('127.0.0.1');
    expect(place.endpoint(4000)).toBeUndefined();
    expect(await answer(place, 3000)).toBe('hello\n');
  });

  test('an entry point takes the place of the image’s, with all its words', async () => {
    const running = await run(container({ entryPoint: ['sh', '-c', 'echo "$0 $1"'], command: ['a b', 'c'] }));
    await running.exited;
    expect(lines).toEqual(['a b c']);
  });

  test('a container has its own environment, lines and quotes included, and nothing of the host', async () => {
    const env = {
      PLAIN: 'a=b "c" $d',
      LINES: 'one\ntwo',
      EMPTY: '',
      '#ODD': 'kept',
      DOCKER_HOST: 'tcp://nowhere',
    };
    const running = await run(container({ command: ['env'], env }));
    await running.exited;
    expect(lines).toEqual(
      expect.arrayContaining(['PLAIN=a=b "c" $d', 'LINES=one', 'two', 'EMPTY=', '#ODD=kept']),
    );
    expect(lines).toContain('DOCKER_HOST=tcp://nowhere');
    expect(lines.join('\n')).not.toContain('of the host');
    expect(readdirSync(join(folder, 'docker-env'))).toEqual([]);
  });

  test('a container runs where it is told to', async () => {
    const running = await run(shell('pwd', { workdir: '/tmp' }));
    await running.exited;
    expect(lines).toEqual(['/tmp']);
  });

  test('the containers of a task reach each other on localhost, those of another task do not', async () => {
    const server = container({ name: 'server', env: { PORT: '3000' }, ports: [3000] });
    const place = await open(server, shell('sleep 100', { name: 'client' }));
    await place.start('server');
    const client = await place.start('client');
    await answer(place, 3000);
    expect(await client.check(['wget', '-q', '-O', '-', 'http://127.0.0.1:3000/'], 5_000)).toBe(true);

    const pause = standingOn(install).find((name) => /^tempus-[0-9a-f]{32}$/.test(name)) ?? '';
    const ip = docker(
      'inspect',
      '--format',
      '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}',
      pause,
    );
    const reach = ['wget', '-q', '-O', '-', `http://${ip}:3000/`];
    expect(await client.check(reach, 5_000)).toBe(true);
    const stranger = await run(shell('sleep 100', { name: 'stranger' }));
    expect(await stranger.check(reach, 2_000)).toBe(false);
  });

  test('a container gets no more privileges than Fargate gives, and no more memory than it was given', async () => {
    const running = await run(
      shell(
        'cat /proc/self/status; cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max; sleep 100',
        { memory: 48 },
      ),
    );
    await said(String(48 * 1024 * 1024));
    expect(lines).toContain('NoNewPrivs:\t1');
    // Docker's default without MKNOD and NET_RAW.
    expect(lines).toContain('CapEff:\t00000000a00405fb');
    await running.stop();
  });

  test('a health check runs inside, is false on any other status, and never hangs', async () => {
    const running = await run(shell('sleep 100'));
    expect(await running.check(['true'], 5_000)).toBe(false);
    expect(await running.check(['sh', '-c', 'exit 0'], 5_000)).toBe(true);
    expect(await running.check(['sh', '-c', 'exit 1'], 5_000)).toBe(false);
    const start = performance.now();
    expect(await running.check(['sleep', '60'], 300)).toBe(false);
    expect(await running.check(['sh', '-c', 'exit 0'], 5_000)).toBe(false);
    expect(performance.now() - start).toBeLessThan(3_000);
  });

  test('stop lets a program end by itself', async () => {
    const running = await run(shell('trap "echo bye; exit 7" TERM; echo up; while :; do sleep 0.1; done'));
    await said('up');
    await running.stop();
    expect(await running.exited).toEqual({ exitCode: 7 });
    expect(lines).toContain('bye');
    await running.stop();
  });

  test('stop kills a program that does not listen, after its time', async () => {
    const running = await run(
      shell('trap "" TERM; echo up; while :; do sleep 0.1; done', { stopTimeoutMs: 1_000 }),
    );
    await said('up');
    await running.stop();
    expect(await running.exited).toEqual({ exitCode: 137 });
  });

  test('a program that is stopped from outside has not ended with 0', async () => {
    const running = await run(shell('trap "exit 0" TERM; echo up; while :; do sleep 0.1; done'));
    await said('up');
    docker('stop', standingOn(install).find((name) => name.endsWith('-app')) ?? '');
    expect(await running.exited).toEqual({ signal: 'SIGTERM' });
  });

  test('a program that needs more memory than it has ends with AWS’s words for it, its neighbour lives', async () => {
    const place = await open(container({ env: { PORT: '3000' }, ports: [3000] }));
    await place.start('app');
    const greedy = await run(shell('exec dd if=/dev/zero of=/dev/null bs=200M count=10'));
    expect(await greedy.exited).toEqual({
      exitCode: 137,
      reason: 'OutOfMemoryError: Container killed due to memory usage',
    });
    expect(await answer(place, 3000)).toBe('hello\n');
  });

  test('a program for another processor ends as on AWS: it has written why, and nobody else says it', async () => {
    const running = await run(container({ image: foreignImage() }));
    const exit = await running.exited;
    expect(exit.exitCode).not.toBe(0);
    expect(exit.reason).toBeUndefined();
    expect(lines.join()).toContain('exec format error');
  });

  test('an image for another processor than the task’s, which no registry has for it, is refused as on AWS', async () => {
    const arch = process.arch === 'arm64' ? 'X86_64' : 'ARM64';
    const platform = arch === 'ARM64' ? 'linux/arm64' : 'linux/amd64';
    await expect(runtime.prepare({ ...launch(container()), arch })).rejects.toMatchObject({
      name: 'TaskStartError',
      message: `CannotPullContainerError: image Manifest does not contain descriptor matching platform '${platform}'`,
    });
  });

  test('a command that is not there is a container that cannot be started', async () => {
    const place = await open(container({ command: ['no-such-command'] }));
    await expect(place.start('app')).rejects.toMatchObject({
      name: 'TaskStartError',
      message: expect.stringMatching(/^CannotStartContainerError: .*no-such-command.*not found/) as string,
    });
    expect(lines).toEqual([]);
  });

  test('an image that no registry gives is a pull error, and nothing is left of its task', async () => {
    const unknown = launch(container({ image: '127.0.0.1:9/no/such:image' }));
    await expect(runtime.prepare(unknown)).rejects.toMatchObject({
      name: 'TaskStartError',
      message: expect.stringMatching(/^CannotPullContainerError: /) as string,
    });
    await expect(runtime.prepare(launch(container({ image: '--privileged' })))).rejects.toMatchObject({
      message: expect.stringMatching(/^CannotPullContainerError: invalid reference format/) as string,
    });
    expect(standingOn(install)).toEqual([]);
  });

  test('without an engine the reason is NoContainerEngine', async () => {
    const nowhere = create({ DOCKER_HOST: `unix://${folder}/no-engine.sock` });
    await nowhere.reclaim();
    await expect(nowhere.prepare(launch(container()))).rejects.toMatchObject({
      name: 'TaskStartError',
      message: expect.stringContaining('NoContainerEngine') as string,
    });
  });

  test('closing leaves nothing, whatever still ran, and the last one takes the network along', async () => {
    const first = await open(shell('sleep 100'), shell('sleep 100', { name: 'two' }));
    const running = await first.start('app');
    const second = await open(shell('sleep 100'));
    await first.close();
    expect(await running.exited).toMatchObject({});
    expect(standingOn(install)).toHaveLength(2);
    await second.close();
    await second.close();
    expect(standingOn(install)).toEqual([]);
  });

  test('what an earlier process left is removed, and nothing of another install', async () => {
    const mine = await runtime.prepare(launch(shell('sleep 100')));
    const running = await mine.start('app');
    const other = hex().slice(0, 12);
    const stranger = createDockerRuntime({
      clock: systemClock,
      log: silentLog,
      path: folder,
      install: other,
      hostEnv: process.env,
    });
    const theirs = await stranger.prepare(launch(shell('sleep 100')));
    try {
      expect(standingOn(install)).toHaveLength(3);
      await create().reclaim();
      expect(standingOn(install)).toEqual([]);
      expect(standingOn(other)).toHaveLength(2);
      expect((await running.exited).exitCode).not.toBe(0);
      await mine.close();
    } finally {
      await theirs.close();
    }
    expect(standingOn(other)).toEqual([]);
  });
});
