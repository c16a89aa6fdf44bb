import type { CreateServiceCommandInput, ECS, RegisterTaskDefinitionCommandInput } from '@aws-sdk/client-ecs';
import type { ElasticLoadBalancingV2 } from '@aws-sdk/client-elastic-load-balancing-v2';
import { beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';

import { describeCoverage } from './coverage.ts';
import { IS_LOCAL, SUBNETS, uniqueName, useContract, VPC } from './endpoint.ts';

const contract = useContract();
let ecs: ECS;
let elbv2: ElasticLoadBalancingV2;

beforeAll(() => {
  ({ ecs, elbv2 } = contract.clients);
});

let cluster: string;
let family: string;
let serviceName: string;

beforeEach(() => {
  cluster = process.env['TEMPUS_CONTRACT_CLUSTER'] ?? 'default';
  family = uniqueName();
  serviceName = family;
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
  contract.undo(() => ecs.deregisterTaskDefinition({ taskDefinition: taskDefinition!.taskDefinitionArn }));
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
    networkConfiguration: { awsvpcConfiguration: { subnets: SUBNETS } },
    tags: [{ key: 'tempus:id', value: family }],
    ...more,
  };
}

async function createService(more: Partial<CreateServiceCommandInput> = {}) {
  const { service } = await ecs.createService(idleService(more));
  contract.undo(() => ecs.deleteService({ cluster, service: service!.serviceArn, force: true }));
  return service!;
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
    await createService();
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
    const service = await createService();
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
    await createService();
    const before = (await describeService()).deployments?.[0]?.id;
    const { taskDefinitionArn } = await register();
    const { service } = await ecs.updateService({ cluster, service: serviceName, taskDefinition: family });
    expect(service?.taskDefinition).toBe(taskDefinitionArn);
    expect(service?.deployments?.[0]).toMatchObject({ status: 'PRIMARY', taskDefinition: taskDefinitionArn });
    expect(service?.deployments?.[0]?.id).not.toBe(before);
  });

  test('become INACTIVE when deleted, leave the list at once, and free their name', async () => {
    await createService();
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
    const service = await createService();
    const resourceArn = service.serviceArn!;
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
    expect((await ecs.listTasks({ cluster, family })).taskArns).toEqual([]);
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

describe('tasks of a service', () => {
  // Only a cloud of our own starts tasks without an image, a network and a bill.
  test.runIf(IS_LOCAL)(
    'are listed page by page, described with their tags, and replaced when stopped',
    async () => {
      await register();
      const { serviceArn } = await createService({ desiredCount: 2, propagateTags: 'SERVICE' });
      const running = async () => {
        const { taskArns = [] } = await ecs.listTasks({ cluster, serviceName });
        const { tasks = [] } = await ecs.describeTasks({ cluster, tasks: taskArns, include: ['TAGS'] });
        return tasks.filter(({ lastStatus }) => lastStatus === 'RUNNING');
      };
      const tasks = await vi.waitFor(async () => {
        const found = await running();
        expect(found).toHaveLength(2);
        return found;
      });
      expect(tasks[0]).toMatchObject({
        group: `service:${serviceName}`,
        desiredStatus: 'RUNNING',
        launchType: 'FARGATE',
        tags: expect.arrayContaining([{ key: 'tempus:id', value: family }]) as unknown,
        containers: [{ name: 'web', lastStatus: 'RUNNING' }],
      });
      const first = await ecs.listTasks({ cluster, serviceName, maxResults: 1 });
      const second = await ecs.listTasks({ cluster, serviceName, maxResults: 1, nextToken: first.nextToken });
      expect(new Set([...first.taskArns!, ...second.taskArns!])).toEqual(
        new Set(tasks.map(({ taskArn }) => taskArn)),
      );
      const task = tasks[0]!.taskArn!;
      const stopped = await ecs.stopTask({ cluster, task, reason: 'by hand' });
      expect(stopped.task).toMatchObject({ taskArn: task, desiredStatus: 'STOPPED' });
      await vi.waitFor(async () => {
        const { tasks: [now] = [] } = await ecs.describeTasks({ cluster, tasks: [task] });
        expect(now).toMatchObject({
          lastStatus: 'STOPPED',
          stopCode: 'UserInitiated',
          stoppedReason: 'by hand',
        });
        expect(await running()).toHaveLength(2);
      });
      await expect(ecs.deleteService({ cluster, service: serviceArn })).rejects.toMatchObject(
        refusal('InvalidParameterException', 'scaled above 0'),
      );
    },
  );
});

describe('a service behind a load balancer', () => {
  const groupOf = async (TargetType: 'ip' | 'instance' = 'ip') => {
    const { TargetGroups } = await elbv2.createTargetGroup({
      Name: uniqueName(),
      Protocol: 'HTTP',
      Port: 80,
      VpcId: VPC,
      TargetType,
    });
    const arn = TargetGroups![0]!.TargetGroupArn!;
    contract.undo(() => elbv2.deleteTargetGroup({ TargetGroupArn: arn }));
    return arn;
  };
  const balanced = (targetGroupArn: string, containerPort = 3000) =>
    idleService({ loadBalancers: [{ targetGroupArn, containerName: 'web', containerPort }] });
  const invalid = (message: string) => refusal('InvalidParameterException', message);

  const putBehindListener = async (TargetGroupArn: string) => {
    const { LoadBalancers } = await elbv2.createLoadBalancer({ Name: uniqueName(), Subnets: SUBNETS });
    const { LoadBalancerArn } = LoadBalancers![0]!;
    contract.undo(() => elbv2.deleteLoadBalancer({ LoadBalancerArn }));
    await elbv2.createListener({
      LoadBalancerArn,
      Port: 81,
      Protocol: 'HTTP',
      DefaultActions: [{ Type: 'forward', TargetGroupArn }],
    });
  };

  test('is refused until its target group is behind a listener or a rule', async () => {
    await register();
    const group = await groupOf();
    const early = ecs.createService(balanced(group));
    await expect(early).rejects.toMatchObject(invalid('does not have an associated load balancer'));
    await putBehindListener(group);
    const { service } = await ecs.createService(balanced(group));
    contract.undo(() => ecs.deleteService({ cluster, service: serviceName, force: true }));
    expect(service?.loadBalancers).toMatchObject([
      { targetGroupArn: group, containerName: 'web', containerPort: 3000 },
    ]);
  });

  test.runIf(IS_LOCAL)('drains when it is deleted, and holds its name until that is over', async () => {
    await register();
    const group = await groupOf();
    const Attributes = [{ Key: 'deregistration_delay.timeout_seconds', Value: '1' }];
    await elbv2.modifyTargetGroupAttributes({ TargetGroupArn: group, Attributes });
    await putBehindListener(group);
    await ecs.createService({ ...balanced(group), desiredCount: 1 });
    await vi.waitFor(async () => expect((await describeService()).runningCount).toBe(1));
    const { service } = await ecs.deleteService({ cluster, service: serviceName, force: true });
    expect(service).toMatchObject({ status: 'DRAINING', desiredCount: 0 });
    expect((await ecs.listServices({ cluster, maxResults: 100 })).serviceArns).not.toContain(
      service!.serviceArn,
    );
    const again = ecs.createService(idleService());
    await expect(again).rejects.toMatchObject(invalid('Unable to Start a service that is still Draining.'));
    await vi.waitFor(async () => expect((await describeService()).status).toBe('INACTIVE'), 5_000);
    await createService();
  });

  test('is refused with a port that its container does not have, and a target group that cannot take tasks', async () => {
    await register();
    const group = await groupOf();
    const instances = await groupOf('instance');
    await expect(ecs.createService(balanced(group, 3001))).rejects.toMatchObject(
      invalid('did not have a container port 3001 defined'),
    );
    await expect(ecs.createService(balanced(instances))).rejects.toMatchObject(
      invalid('target type instance'),
    );
    const loadBalancers = Array.from({ length: 6 }, () => balanced(group).loadBalancers![0]!);
    await expect(ecs.createService(idleService({ loadBalancers }))).rejects.toMatchObject(invalid(''));
  });
});

describe('clusters', () => {
  test('are created once, and unknown ones are MISSING', async () => {
    const clusterName = uniqueName();
    contract.undo(() => ecs.deleteCluster({ cluster: clusterName }));
    const created = await ecs.createCluster({ clusterName });
    expect((await ecs.createCluster({ clusterName })).cluster?.clusterArn).toBe(created.cluster?.clusterArn);
    const { clusters, failures } = await ecs.describeClusters({ clusters: [clusterName, 'nowhere'] });
    expect(clusters).toMatchObject([{ clusterName, status: 'ACTIVE' }]);
    expect(failures).toMatchObject([{ reason: 'MISSING' }]);
  });

  test('are listed, and keep the capacity providers that they were made with', async () => {
    const clusterName = uniqueName();
    contract.undo(() => ecs.deleteCluster({ cluster: clusterName }));
    const capacityProviders = ['FARGATE', 'FARGATE_SPOT'];
    const { cluster: made } = await ecs.createCluster({ clusterName, capacityProviders });
    expect(made?.capacityProviders).toEqual(capacityProviders);
    const listed: string[] = [];
    let nextToken: string | undefined;
    do {
      const page = await ecs.listClusters({ maxResults: 1, nextToken });
      listed.push(...page.clusterArns!);
      ({ nextToken } = page);
    } while (nextToken !== undefined);
    expect(listed).toContain(made?.clusterArn);
  });

  test('run services on the capacity providers that they have, and refuse any other', async () => {
    const clusterName = uniqueName();
    contract.undo(() => ecs.deleteCluster({ cluster: clusterName }));
    await ecs.createCluster({ clusterName, capacityProviders: ['FARGATE'] });
    await register();
    const on = (capacityProvider: string, weight = 1) => ({
      ...idleService({ cluster: clusterName, capacityProviderStrategy: [{ capacityProvider, weight }] }),
      launchType: undefined,
    });
    const invalid = (message: RegExp) => ({
      ...refusal('InvalidParameterException'),
      message: expect.stringMatching(message) as string,
    });
    await expect(ecs.createService(on('FARGATE_SPOT'))).rejects.toMatchObject(
      invalid(/not associated with the cluster/),
    );
    await expect(ecs.createService(on('FARGATE', 0))).rejects.toMatchObject(
      invalid(/weight value greater than zero/),
    );
    await expect(ecs.createService({ ...on('FARGATE'), launchType: 'FARGATE' })).rejects.toMatchObject(
      invalid(/both a launch type and capacity provider strategy/),
    );
    contract.undo(() => ecs.deleteService({ cluster: clusterName, service: serviceName, force: true }));
    const { service } = await ecs.createService(on('FARGATE'));
    expect(service).toMatchObject({ capacityProviderStrategy: [{ capacityProvider: 'FARGATE', weight: 1 }] });
    expect(service?.launchType).toBeUndefined();
    await expect(
      ecs.updateService({
        cluster: clusterName,
        service: serviceName,
        capacityProviderStrategy: [{ capacityProvider: 'FARGATE_SPOT', weight: 1 }],
      }),
    ).rejects.toMatchObject(invalid(/not associated with the cluster/));
    const heavier = [{ capacityProvider: 'FARGATE', weight: 2 }];
    const update = { cluster: clusterName, service: serviceName, capacityProviderStrategy: heavier };
    await expect(ecs.updateService(update)).rejects.toMatchObject(invalid(/you must force a new deployment/));
    const moved = await ecs.updateService({ ...update, forceNewDeployment: true });
    expect(moved.service).toMatchObject({ capacityProviderStrategy: heavier });
  });

  test('keep their services apart: a name is free in another cluster, and unknown there', async () => {
    const other = uniqueName();
    await ecs.createCluster({ clusterName: other });
    await register();
    await createService();
    const { services, failures } = await ecs.describeServices({ cluster: other, services: [serviceName] });
    expect([services, failures]).toMatchObject([[], [{ reason: 'MISSING' }]]);
    expect((await ecs.listServices({ cluster: other })).serviceArns).toEqual([]);
    contract.undo(() => ecs.deleteService({ cluster: other, service: serviceName, force: true }));
    const { service } = await ecs.createService(idleService({ cluster: other }));
    expect(service?.serviceArn).not.toBe((await describeService()).serviceArn);
  });

  test('are refused with a name that is none, and a hundred are described at a time at most', async () => {
    const invalid = refusal('InvalidParameterException');
    await expect(ecs.createCluster({ clusterName: 'a b' })).rejects.toMatchObject(invalid);
    const clusters = Array.from({ length: 101 }, (_, i) => `nobody-${i}`);
    await expect(ecs.describeClusters({ clusters })).rejects.toMatchObject(invalid);
  });
});

describe('lists', () => {
  test('of services go on page by page, and come to an end', async () => {
    await register();
    const names = [1, 2, 3].map((n) => `${family}-${n}`);
    for (const name of names) await createService({ serviceName: name });
    const seen: string[] = [];
    let nextToken: string | undefined;
    do {
      const page = await ecs.listServices({ cluster, maxResults: 2, nextToken });
      expect(page.serviceArns!.length).toBeLessThanOrEqual(2);
      seen.push(...page.serviceArns!);
      ({ nextToken } = page);
    } while (nextToken !== undefined);
    expect(seen.filter((arn) => arn.includes(family)).map((arn) => arn.split('/').at(-1))).toEqual(names);
    expect(new Set(seen).size).toBe(seen.length);
  });

  test.each([
    ['ListClusters', (page: object) => ecs.listClusters(page)],
    ['ListServices', (page: object) => ecs.listServices({ cluster, ...page })],
    ['ListTasks', (page: object) => ecs.listTasks({ cluster, ...page })],
    ['ListTaskDefinitions', (page: object) => ecs.listTaskDefinitions(page)],
    ['ListTaskDefinitionFamilies', (page: object) => ecs.listTaskDefinitionFamilies(page)],
  ])(
    '%s refuses a token that it did not give, and a page that is too small or too large',
    async (_name, list) => {
      const invalid = refusal('InvalidParameterException');
      await expect(list({ nextToken: 'AAAA' })).rejects.toMatchObject(invalid);
      await expect(list({ maxResults: 0 })).rejects.toMatchObject(invalid);
      await expect(list({ maxResults: 101 })).rejects.toMatchObject(invalid);
    },
  );
});

describe('an update', () => {
  beforeEach(async () => {
    await register();
    await createService();
  });

  test('with the parameters that are there already is no new deployment', async () => {
    const before = (await describeService()).deployments![0]!.id;
    const { service } = await ecs.updateService({ cluster, service: serviceName, taskDefinition: family });
    expect(service!.deployments![0]!.id).toBe(before);
    const forced = await ecs.updateService({ cluster, service: serviceName, forceNewDeployment: true });
    expect(forced.service!.deployments![0]!.id).not.toBe(before);
  });

  test.each<[string, object, string]>([
    ['a count below zero', { desiredCount: -1 }, 'InvalidParameterException'],
    ['an unknown task definition', { taskDefinition: 'nobody' }, 'ClientException'],
    ['an unknown cluster', { cluster: 'nowhere' }, 'ClusterNotFoundException'],
  ])('with %s is refused', async (_case, more, name) => {
    const update = ecs.updateService({ cluster, service: serviceName, ...more });
    await expect(update).rejects.toMatchObject(refusal(name));
    expect(await describeService()).toMatchObject({ status: 'ACTIVE', desiredCount: 0 });
  });
});

describe('tags', () => {
  const tags = (count: number) => Array.from({ length: count }, (_, n) => ({ key: `k${n}`, value: 'v' }));

  test('of what does not exist are neither given, taken nor listed', async () => {
    const resourceArn = (await register()).taskDefinitionArn!.replace(/\/.*$/, '/nobody:1');
    const missing = { name: expect.stringMatching(/^ResourceNotFound|^InvalidParameter/) as string };
    await expect(ecs.tagResource({ resourceArn, tags: tags(1) })).rejects.toMatchObject(missing);
    await expect(ecs.untagResource({ resourceArn, tagKeys: ['a'] })).rejects.toMatchObject(missing);
    await expect(ecs.listTagsForResource({ resourceArn })).rejects.toMatchObject(missing);
  });

  test('are fifty at most, and the fifty-first changes nothing', async () => {
    await register();
    const { serviceArn: resourceArn } = await createService({ tags: tags(50) });
    const more = ecs.tagResource({ resourceArn, tags: [{ key: 'one-more', value: '' }] });
    await expect(more).rejects.toMatchObject(refusal('InvalidParameterException'));
    await ecs.tagResource({ resourceArn, tags: [{ key: 'k0', value: 'again' }] });
    const listed = (await ecs.listTagsForResource({ resourceArn })).tags!;
    expect(listed).toHaveLength(50);
    expect(listed.find(({ key }) => key === 'k0')?.value).toBe('again');
  });

  test.each([
    ['a key of 129 characters', { key: 'k'.repeat(129), value: '' }],
    ['a value of 257 characters', { key: 'k', value: 'v'.repeat(257) }],
    ["a key of AWS's own", { key: 'aws:k', value: '' }],
  ])('with %s are refused', async (_case, tag) => {
    await expect(register({ tags: [tag] })).rejects.toMatchObject(refusal('InvalidParameterException'));
  });
});

describeCoverage('ecs', contract);
