import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from 'vitest';

import { createDockerRuntime } from '../../localcloud/docker-runtime/docker-runtime.ts';
import type { TaskLaunch, TaskPlace, TaskRuntime } from '../../localcloud/task-runtime.ts';
import { systemClock } from '../../platform/clock.ts';
import { createLog } from '../../platform/log.ts';
import { systemRandom } from '../../platform/random.ts';
import { clearInstall, describeDocker, docker, standingOn } from './engine.ts';
import { FlakyEngine } from './flaky-engine.ts';
import { busyboxImage } from './images.ts';

const hex = () => systemRandom.uuid().replaceAll('-', '');
const LOST = {
  signal: 'SIGKILL',
  reason: 'ContainerRuntimeError: the container engine went away while the container ran',
};

describeDocker('an engine that goes away', (test) => {
  const install = hex().slice(0, 12);
  const lines: string[] = [];
  const logged: string[] = [];
  const log = createLog('info', { write: (line) => void logged.push(line) });
  let image: string;
  let folder: string;
  let engine: FlakyEngine;
  let runtime: TaskRuntime;
  let place: TaskPlace;

  beforeAll(() => {
    image = busyboxImage();
  });

  beforeEach(async () => {
    lines.length = 0;
    logged.length = 0;
    folder = mkdtempSync(join(tmpdir(), 'tempus-docker-'));
    engine = new FlakyEngine(join(folder, 'engine.sock'));
    await engine.open();
    const hostEnv = { PATH: process.env['PATH'], HOME: folder, DOCKER_HOST: engine.host };
    runtime = createDockerRuntime({ clock: systemClock, log, path: folder, install, hostEnv });
  });

  afterEach(async () => {
    await place.close();
    await engine.cut();
    rmSync(folder, { recursive: true, force: true });
  });

  afterAll(() => clearInstall(install));

  /** A program that counts up, and ends with `status` when it is told to. */
  async function startCounting(status: number) {
    const script = `i=0; while [ ! -e /tmp/end ]; do i=$((i+1)); echo $i; sleep 0.1; done; exit ${status}`;
    const launch: TaskLaunch = {
      taskId: hex(),
      cpu: 256,
      memory: 64,
      containers: [
        {
          name: 'app',
          image,
          command: ['sh', '-c', script],
          env: {},
          ports: [],
          stopTimeoutMs: 1_000,
          onLog: (line) => lines.push(line),
        },
      ],
    };
    place = await runtime.prepare(launch);
    const running = await place.start('app');
    await vi.waitFor(() => expect(lines).toContain('2'), { timeout: 10_000 });
    return { running, end: () => docker('exec', `tempus-${launch.taskId}-app`, 'sh', '-c', '> /tmp/end') };
  }

  async function lose(): Promise<void> {
    await engine.cut();
    await vi.waitFor(() => expect(logged.join('')).toContain('container engine lost'), { timeout: 20_000 });
  }

  test('a container that outlives it is followed again, its lines and its end', async () => {
    const { running, end } = await startCounting(3);
    await lose();
    const seen = lines.length;
    await engine.open();
    await vi.waitFor(() => expect(lines.length).toBeGreaterThan(seen + 5), { timeout: 20_000 });
    await vi.waitFor(() => expect(logged.join('')).toContain('container engine answered again'), {
      timeout: 20_000,
    });
    end();
    expect(await running.exited).toEqual({ exitCode: 3 });
  });

  test('a container that ended meanwhile is not said to have ended with 0', async () => {
    const { running, end } = await startCounting(0);
    await lose();
    end();
    await engine.open();
    expect(await running.exited).toEqual(LOST);
  });

  test('stopping and closing end all the same, and what they left goes with the next task', async () => {
    const { running, end } = await startCounting(0);
    await lose();
    await running.stop();
    expect(await running.exited).toEqual(LOST);
    expect(await running.check(['sh', '-c', 'exit 0'], 5_000)).toBe(false);
    await place.close();
    expect(logged.join('')).toContain('containers not removed');
    expect(standingOn(install)).toHaveLength(3);
    end();

    await engine.open();
    await startCounting(0);
    expect(standingOn(install)).toHaveLength(3);
  });
});
