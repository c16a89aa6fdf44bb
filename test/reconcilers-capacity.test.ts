import { expect, test } from 'vitest';
import { useReconciler } from './reconcile-world.ts';

const DRIFT = 300_000;
const aws = useReconciler();

const platformOf = async (id: string) => {
  const service = await aws.service(id);
  const { taskDefinition } = await aws.ecs.describeTaskDefinition({
    taskDefinition: service!.taskDefinition,
  });
  return taskDefinition?.runtimePlatform;
};
const providerOf = async (id: string) =>
  (await aws.service(id))?.capacityProviderStrategy?.[0]?.capacityProvider;

/** A service as the controller created it before it knew capacity providers. */
function createWithLaunchType(): void {
  aws.twists.set('createService', (proceed, input) => {
    const service = input as { launchType?: string; capacityProviderStrategy?: unknown };
    delete service.capacityProviderStrategy;
    service.launchType = 'FARGATE';
    return proceed();
  });
}

test('a preview runs on the processor and the capacity that its spec says', async () => {
  const spec = { ...(await aws.create()).spec, arch: 'ARM64' as const, capacity: 'spot' as const };
  const { id } = await aws.ready({ spec });
  expect(await platformOf(id)).toEqual({ cpuArchitecture: 'ARM64', operatingSystemFamily: 'LINUX' });
  expect(await providerOf(id)).toBe('FARGATE_SPOT');
});

test('a preview that says neither runs on x86 and on demand', async () => {
  const { id } = await aws.ready();
  expect(await platformOf(id)).toMatchObject({ cpuArchitecture: 'X86_64' });
  expect(await providerOf(id)).toBe('FARGATE');
});

test('an edit of either is rolled out under the same address, while what ran before serves', async () => {
  const { id, spec } = await aws.ready();
  const url = (await aws.row(id)).status.urls![0]!;
  for (const edit of [{ capacity: 'spot' }, { arch: 'ARM64' }, { capacity: 'on_demand', arch: 'X86_64' }]) {
    await aws.edit(id, { spec: { ...spec, ...edit } });
    await aws.until(id, ({ phase }) => phase === 'Updating');
    expect(aws.ask(url, aws.config.albs[0]!.listener_arn).status).toBe(200);
    await aws.until(id, ({ phase }) => phase === 'Ready');
    expect(await providerOf(id)).toBe(edit.capacity === 'spot' ? 'FARGATE_SPOT' : 'FARGATE');
    expect((await platformOf(id))?.cpuArchitecture).toBe(edit.arch ?? 'X86_64');
    const { tasks } = await aws.ecs.describeTasks({
      cluster: 'tempus',
      tasks: (await aws.ecs.listTasks({ cluster: 'tempus', serviceName: `tempus-${id}` })).taskArns!,
    });
    expect(new Set(tasks?.map(({ capacityProviderName }) => capacityProviderName))).toEqual(
      new Set([await providerOf(id)]),
    );
  }
});

test('a service with a launch type is left as it is, and moves when its capacity is edited', async () => {
  createWithLaunchType();
  const { id, spec } = await aws.ready();
  aws.changes = [];
  await aws.run(id, DRIFT * 2);
  expect(aws.changes).toEqual([]);
  expect((await aws.service(id))?.launchType).toBe('FARGATE');
  await aws.edit(id, { spec: { ...spec, capacity: 'spot' } });
  await aws.until(id, ({ phase, status }) => phase === 'Ready' && status.observed_spec !== undefined);
  expect(await providerOf(id)).toBe('FARGATE_SPOT');
  expect((await aws.service(id))?.launchType).toBeUndefined();
});
