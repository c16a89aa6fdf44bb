import { expect, test } from 'vitest';
import { chooseRuntime, type RuntimeChoice } from '../../localcloud/choose-runtime.ts';
import type { TaskLaunch, TaskPlace, TaskRuntime } from '../../localcloud/task-runtime.ts';

const PLACE: TaskPlace = {
  endpoint: () => undefined,
  start: () => Promise.reject(new Error('nothing runs here')),
  close: () => Promise.resolve(),
};

/** Where a task of these images was sent, and what was reclaimed. */
function choose(choice: RuntimeChoice) {
  const calls: string[] = [];
  const named = (name: string): TaskRuntime => ({
    prepare: () => Promise.resolve(PLACE).finally(() => calls.push(name)),
    reclaim: () => Promise.resolve(void calls.push(`reclaim ${name}`)),
  });
  const runtime = chooseRuntime({
    choice,
    processes: named('processes'),
    containers: named('containers'),
    programs: new Set(['tempus/hello:latest', 'tempus/process:latest']),
  });
  const sent = async (...images: string[]) => {
    calls.length = 0;
    await runtime.prepare(launch(images));
    return calls[0];
  };
  return { runtime, calls, sent };
}

function launch(images: string[]): TaskLaunch {
  const containers = images.map((image, i) => ({
    name: `c${i}`,
    image,
    env: {},
    ports: [],
    stopTimeoutMs: 1000,
    onLog: () => undefined,
  }));
  return { taskId: 't', cpu: 256, memory: 512, containers };
}

test('auto runs programs of this machine as processes, and images as containers', async () => {
  const { sent } = choose('auto');
  expect(await sent('tempus/hello:latest')).toBe('processes');
  expect(await sent('tempus/process:latest', 'tempus/process:latest')).toBe('processes');
  expect(await sent('nginx:1')).toBe('containers');
  expect(await sent('nginx:1', 'redis:7')).toBe('containers');
});

test('process leaves every image to the processes, which say what they cannot run', async () => {
  const { sent } = choose('process');
  expect(await sent('nginx:1')).toBe('processes');
  expect(await sent('tempus/hello:latest')).toBe('processes');
});

test('a program of this machine is never asked of a registry', async () => {
  const docker = choose('docker');
  expect(await docker.sent('nginx:1')).toBe('containers');
  for (const images of [['tempus/process:latest'], ['nginx:1', 'tempus/hello:latest']]) {
    await expect(docker.sent(...images)).rejects.toMatchObject({
      name: 'TaskStartError',
      message: expect.stringMatching(
        /^CannotPullContainerError: .* not found: .*TEMPUS_RUNTIME=docker/,
      ) as string,
    });
  }
  const auto = choose('auto');
  await expect(auto.sent('nginx:1', 'tempus/process:latest')).rejects.toThrow(
    'with the container image nginx:1',
  );
  expect(auto.calls).toEqual([]);
});

test.each<RuntimeChoice>(['auto', 'process', 'docker'])(
  'with %s, what an earlier run left is looked for on both',
  async (choice) => {
    const { runtime, calls } = choose(choice);
    await runtime.reclaim();
    expect(calls).toEqual(['reclaim processes', 'reclaim containers']);
  },
);
