import type { CreateServiceCommandInput, ECS, RegisterTaskDefinitionCommandInput } from '@aws-sdk/client-ecs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';

import { systemRandom } from '../../platform/random.ts';
import { openTasksEndpoint, type TasksEndpoint } from './tasks-endpoint.ts';

let endpoint: TasksEndpoint;
let ecs: ECS;

beforeAll(async () => {
  endpoint = await openTasksEndpoint();
  ecs = endpoint.ecs;
});
afterAll(() => endpoint.close());

let cluster: string;
let family: string;
let serviceName: string;

beforeEach(() => {
  cluster = 'default';
  family = `contract-${systemRandom.uuid()}`;
  serviceName = family;
});

afterEach(async () => {
  const { services } = await ecs.describeServices({ cluster, services: [serviceName] });
  if (services?.[0]?.status === 'ACTIVE')
    await ecs.deleteService({ cluster, service: serviceName, force: true });
});

async function register(more: Partial<RegisterTaskDefinitionCommandInput> = {}) {
  const { taskDefinition } = await ecs.registerTaskDefinition({
    family,
    networkMode: 'awsvpc',
    requiresCompatibilities: ['FARGATE'],
    cpu: '256',
    memory: '512',
    containerDefinitions: [
      {
        name: 'web',
        image: 'tempus/hello',
        portMappings: [{ containerPort: 3000 }],
        environment: [{ name: 'A', value: '1' }],
      },
    ],
    tags: [{ key: 'tempus:id', value: family }],
    ...more,
  });
  return taskDefinition!;
}

/** Wants no task, so that it costs nothing anywhere. */
function idleService(more: Partial<CreateServiceCommandInput> = {}): CreateServiceCommandInput {
  return {
    cluster,
    serviceName,
    taskDefinition: family,
    desiredCount: 0,
    launchType: 'FARGATE',
    networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-1'] } },
    tags: [{ key: 'tempus:id', value: family }],
    ...more,
  };
}

async function describeService(include: 'TAGS'[] = []) {
  const { services } = await ecs.describeServices({ cluster, services: [serviceName], include });
  return services![0]!;
}

const refusal = (name: string, message = '') => ({
  name,
  message: expect.stringContaining(message) as string,
});
const unknown = refusal('ClientException', 'Unable to describe task definition.');

describe('task definitions', () => {
  test('get the next revision of their family, and are described by family, revision and ARN', async () => {
    const first = await register();
    const second = await register({ memory: '1024' });
    expect(first).toMatchObject({ family, revision: 1, status: 'ACTIVE', cpu: '256', networkMode: 'awsvpc' });
    expect(first.registeredAt).toBeInstanceOf(Date);
    for (const [reference, revision] of [
      [family, 2],
      [`${family}:1`, 1],
      [second.taskDefinitionArn, 2],
    ] as const) {
      const { taskDefinition } = await ecs.describeTaskDefinition({ taskDefinition: reference });
      expect(taskDefinition?.revision).toBe(revision);
    }
    const described = await ecs.describeTaskDefinition({ taskDefinition: family, include: ['TAGS'] });
    expect(described.tags).toEqual([{ key: 'tempus:id', value: family }]);
    expect(described.taskDefinition?.containerDefinitions).toMatchObject([
      { name: 'web', portMappings: [{ containerPort: 3000 }], environment: [{ name: 'A', value: '1' }] },
    ]);
  });

  test('go from ACTIVE over INACTIVE to deleted', async () => {
    const { taskDefinitionArn: arn } = await register();
    expect(await ecs.deleteTaskDefinitions({ taskDefinitions: [arn!] })).toMatchObject({
      taskDefinitions: [],
      failures: [{ arn }],
    });
    const { taskDefinition } = await ecs.deregisterTaskDefinition({ taskDefinition: arn });
    expect(taskDefinition?.status).toBe('INACTIVE');
    const { taskDefinition: inactive } = await ecs.describeTaskDefinition({ taskDefinition: arn });
    expect(inactive).toMatchObject({ status: 'INACTIVE', deregisteredAt: expect.any(Date) as Date });
    await expect(ecs.describeTaskDefinition({ taskDefinition: family })).rejects.toMatchObject(unknown);
    const deleted = await ecs.deleteTaskDefinitions({ taskDefinitions: [arn!] });
    expect(deleted).toMatchObject({ taskDefinitions: [{ status: 'DELETE_IN_PROGRESS' }], failures: [] });
    expect((await register()).revision).toBe(2);
  });

  test('stay DELETE_IN_PROGRESS while a service uses them', async () => {
    const { taskDefinitionArn: arn } = await register();
    await ecs.createService(idleService());
    await ecs.deregisterTaskDefinition({ taskDefinition: arn });
    await ecs.deleteTaskDefinitions({ taskDefinitions: [arn!] });
    const list = () => ecs.listTaskDefinitions({ familyPrefix: family, status: 'DELETE_IN_PROGRESS' });
    expect((await list()).taskDefinitionArns).toEqual([arn]);
    await ecs.deleteService({ cluster, service: serviceName });
    await vi.waitFor(async () => expect((await list()).taskDefinitionArns).toEqual([]));
    await expect(ecs.describeTaskDefinition({ taskDefinition: arn })).rejects.toMatchObject(unknown);
  });

  test('are listed by exact family, in order, page by page', async () => {
    const arns = [await register(), await register(), await register()].map(
      ({ taskDefinitionArn }) => taskDefinitionArn,
    );
    await register({ family: `${family}-other` });
    const first = await ecs.listTaskDefinitions({ familyPrefix: family, maxResults: 2 });
    const second = await ecs.listTaskDefinitions({
      familyPrefix: family,
      maxResults: 2,
      nextToken: first.nextToken,
    });
    expect([...first.taskDefinitionArns!, ...second.taskDefinitionArns!]).toEqual(arns);
    expect(second.nextToken).toBeUndefined();
    const newest = await ecs.listTaskDefinitions({ familyPrefix: family, sort: 'DESC', maxResults: 1 });
    expect(newest.taskDefinitionArns).toEqual(arns.slice(-1));
  });

  test('are found by the beginning of their family, as long as a revision is not being deleted', async () => {
    const gone = await register({ family: `${family}-gone` });
    const old = await register({ family: `${family}-old` });
    await register({ family: `${family}-new` });
    const families = async (status: 'ACTIVE' | 'INACTIVE' | 'ALL') =>
      (await ecs.listTaskDefinitionFamilies({ familyPrefix: `${family}-`, status })).families;
    expect(await families('ALL')).toEqual([`${family}-gone`, `${family}-new`, `${family}-old`]);
    await ecs.deregisterTaskDefinition({ taskDefinition: old.taskDefinitionArn });
    await ecs.deregisterTaskDefinition({ taskDefinition: gone.taskDefinitionArn });
    await ecs.deleteTaskDefinitions({ taskDefinitions: [gone.taskDefinitionArn!] });
    expect(await families('ACTIVE')).toEqual([`${family}-new`]);
    expect(await families('INACTIVE')).toEqual([`${family}-old`]);
    expect(await families('ALL')).toEqual([`${family}-new`, `${family}-old`]);
    const first = await ecs.listTaskDefinitionFamilies({ familyPrefix: `${family}-`, maxResults: 1 });
    const { nextToken } = first;
    const second = await ecs.listTaskDefinitionFamilies({
      familyPrefix: `${family}-`,
      maxResults: 1,
      nextToken,
    });
    expect([first.families, second.families]).toEqual([[`${family}-new`], [`${family}-old`]]);
    expect(second.nextToken).toBeUndefined();
  });

  test.each<[string, Partial<RegisterTaskDefinitionCommandInput>, string]>([
    [
      'a size that Fargate does not sell',
      { memory: '4096' },
      'No Fargate configuration exists for given values.',
    ],
    ['a bad family', { family: 'a b' }, ''],
    ['no containers', { containerDefinitions: [] }, ''],
    ['another network mode', { networkMode: 'bridge' }, 'Fargate only supports network mode'],
  ])('are refused with %s', async (_case, more, message) => {
    await expect(register(more)).rejects.toMatchObject(refusal('ClientException', message));
  });

  test('are refused with tags of AWS, and unknown ones are not described', async () => {
    const tags = [{ key: 'aws:x', value: 'y' }];
    await expect(register({ tags })).rejects.toMatchObject(refusal('InvalidParameterException'));
    await expect(ecs.describeTaskDefinition({ taskDefinition: 'nobody' })).rejects.toMatchObject(unknown);
    await expect(ecs.deregisterTaskDefinition({ taskDefinition: 'nobody:1' })).rejects.toMatchObject(unknown);
    await expect(
      ecs.deleteTaskDefinitions({ taskDefinitions: Array.from({ length: 11 }, (_, i) => `nobody:${i}`) }),
    ).rejects.toMatchObject(refusal('InvalidParameterException'));
  });
});

describe('services', () => {
  beforeEach(async () => {
    await register();
  });

  test('are created once, described with their tags, and listed', async () => {
    const { service } = await ecs.createService(idleService());
    expect(service).toMatchObject({ serviceName, status: 'ACTIVE', desiredCount: 0, runningCount: 0 });
    expect(service?.deployments).toMatchObject([{ status: 'PRIMARY' }]);
    expect((await ecs.createService(idleService())).service?.serviceArn).toBe(service?.serviceArn);
    await expect(ecs.createService(idleService({ healthCheckGracePeriodSeconds: 9 }))).rejects.toMatchObject(
      refusal('InvalidParameterException', 'Creation of service was not idempotent.'),
    );
    expect((await describeService(['TAGS'])).tags).toEqual([{ key: 'tempus:id', value: family }]);
    expect((await describeService()).tags).toBeUndefined();
    const { serviceArns } = await ecs.listServices({ cluster, maxResults: 100 });
    expect(serviceArns).toContain(service?.serviceArn);
    await vi.waitFor(async () =>
      expect((await describeService()).deployments?.[0]?.rolloutState).toBe('COMPLETED'),
    );
  });

  test('are updated to another revision, which is a new deployment', async () => {
    await ecs.createService(idleService());
    const before = (await describeService()).deployments?.[0]?.id;
    const { taskDefinitionArn } = await register();
    const { service } = await ecs.updateService({ cluster, service: serviceName, taskDefinition: family });
    expect(service?.taskDefinition).toBe(taskDefinitionArn);
    expect(service?.deployments?.[0]).toMatchObject({ status: 'PRIMARY', taskDefinition: taskDefinitionArn });
    expect(service?.deployments?.[0]?.id).not.toBe(before);
  });

  test('become INACTIVE when deleted, leave the list at once, and free their name', async () => {
    await ecs.createService(idleService());
    const { service } = await ecs.deleteService({ cluster, service: serviceName, force: true });
    expect(service?.status).toBe('DRAINING');
    expect((await ecs.listServices({ cluster, maxResults: 100 })).serviceArns).not.toContain(
      service?.serviceArn,
    );
    await vi.waitFor(async () => expect((await describeService()).status).toBe('INACTIVE'));
    const update = ecs.updateService({ cluster, service: serviceName, desiredCount: 0 });
    await expect(update).rejects.toMatchObject(refusal('ServiceNotActiveException'));
    expect((await ecs.createService(idleService())).service?.status).toBe('ACTIVE');
  });

  test('that do not exist are MISSING when described, and not found when changed', async () => {
    const { services, failures } = await ecs.describeServices({ cluster, services: ['nobody'] });
    expect(services).toEqual([]);
    expect(failures).toMatchObject([{ reason: 'MISSING', arn: expect.stringContaining('nobody') as string }]);
    const missing = refusal('ServiceNotFoundException');
    await expect(ecs.updateService({ cluster, service: 'nobody' })).rejects.toMatchObject(missing);
    await expect(ecs.deleteService({ cluster, service: 'nobody' })).rejects.toMatchObject(missing);
  });

  test('in a cluster that does not exist are refused', async () => {
    const missing = refusal('ClusterNotFoundException');
    await expect(ecs.describeServices({ cluster: 'nowhere', services: ['x'] })).rejects.toMatchObject(
      missing,
    );
    await expect(ecs.createService(idleService({ cluster: 'nowhere' }))).rejects.toMatchObject(missing);
    await expect(ecs.listTasks({ cluster: 'nowhere' })).rejects.toMatchObject(missing);
  });

  test.each<[string, Partial<CreateServiceCommandInput>, string]>([
    ['a client token of more than 36 characters', { clientToken: 'x'.repeat(37) }, 'clientToken'],
    ['a name that is none', { serviceName: 'a b' }, ''],
    ['tags of AWS', { tags: [{ key: 'aws:x', value: 'y' }] }, ''],
    [
      'an unknown container',
      { loadBalancers: [{ targetGroupArn: 'arn:x', containerName: 'db', containerPort: 3000 }] },
      'The container db does not exist in the task definition.',
    ],
  ])('are refused with %s', async (_case, more, message) => {
    await expect(ecs.createService(idleService(more))).rejects.toMatchObject(
      refusal('InvalidParameterException', message),
    );
  });

  test('are refused with an unknown task definition', async () => {
    await expect(ecs.createService(idleService({ taskDefinition: 'nobody' }))).rejects.toMatchObject(
      refusal('ClientException', 'TaskDefinition not found.'),
    );
  });

  test('are described ten at a time at most', async () => {
    const services = Array.from({ length: 11 }, (_, i) => `nobody-${i}`);
    await expect(ecs.describeServices({ cluster, services })).rejects.toMatchObject(
      refusal('InvalidParameterException'),
    );
  });

  test('take and lose tags', async () => {
    const { service } = await ecs.createService(idleService());
    const resourceArn = service!.serviceArn!;
    await ecs.tagResource({ resourceArn, tags: [{ key: 'a', value: '1' }] });
    await ecs.untagResource({ resourceArn, tagKeys: ['tempus:id'] });
    expect((await ecs.listTagsForResource({ resourceArn })).tags).toEqual([{ key: 'a', value: '1' }]);
  });
});

describe('tasks', () => {
  test('that do not exist are MISSING, and cannot be stopped', async () => {
    const id = '0'.repeat(32);
    const { tasks, failures } = await ecs.describeTasks({ cluster, tasks: [id] });
    expect([tasks, failures]).toMatchObject([[], [{ reason: 'MISSING' }]]);
    await expect(ecs.stopTask({ cluster, task: id })).rejects.toMatchObject(
      refusal('InvalidParameterException', 'The referenced task was not found.'),
    );
  });

  test('are described a hundred at a time at most', async () => {
    const tasks = Array.from({ length: 101 }, (_, i) => String(i).padStart(32, '0'));
    await expect(ecs.describeTasks({ cluster, tasks })).rejects.toMatchObject(
      refusal('InvalidParameterException'),
    );
  });
});

describe('clusters', () => {
  test('are created once, and unknown ones are MISSING', async () => {
    const clusterName = `contract-${systemRandom.uuid()}`;
    const created = await ecs.createCluster({ clusterName });
    expect((await ecs.createCluster({ clusterName })).cluster?.clusterArn).toBe(created.cluster?.clusterArn);
    const { clusters, failures } = await ecs.describeClusters({ clusters: [clusterName, 'nowhere'] });
    expect(clusters).toMatchObject([{ clusterName, status: 'ACTIVE' }]);
    expect(failures).toMatchObject([{ reason: 'MISSING' }]);
  });
});
