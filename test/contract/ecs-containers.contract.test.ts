import type { ContainerDefinition, CreateServiceCommandInput, ECS } from '@aws-sdk/client-ecs';
import type { ElasticLoadBalancingV2 } from '@aws-sdk/client-elastic-load-balancing-v2';
import { beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';

import { IS_LOCAL, SUBNETS, uniqueName, useContract, VPC } from './endpoint.ts';

const contract = useContract();
let ecs: ECS;
let elbv2: ElasticLoadBalancingV2;

beforeAll(() => {
  ({ ecs, elbv2 } = contract.clients);
});

const cluster = process.env['TEMPUS_CONTRACT_CLUSTER'] ?? 'default';
let family: string;

beforeEach(() => {
  family = uniqueName();
});

const web: ContainerDefinition = {
  name: 'web',
  image: 'tempus/hello',
  portMappings: [{ containerPort: 3000 }],
};
const db: ContainerDefinition = {
  name: 'db',
  image: 'tempus/db',
  portMappings: [{ containerPort: 5432 }],
  healthCheck: { command: ['CMD-SHELL', 'ready'], interval: 5, timeout: 2, retries: 1 },
};
const after = (containerName: string, condition: 'START' | 'COMPLETE' | 'SUCCESS' | 'HEALTHY') => ({
  dependsOn: [{ containerName, condition }],
});
const unchecked = { ...db, healthCheck: undefined };

async function register(containerDefinitions: ContainerDefinition[]) {
  const { taskDefinition } = await ecs.registerTaskDefinition({
    family,
    networkMode: 'awsvpc',
    requiresCompatibilities: ['FARGATE'],
    cpu: '256',
    memory: '512',
    containerDefinitions,
  });
  contract.undo(() => ecs.deregisterTaskDefinition({ taskDefinition: taskDefinition!.taskDefinitionArn }));
  return taskDefinition!;
}

const refusal = (name: string, message = '') => ({
  name,
  message: expect.stringContaining(message) as string,
});

describe('a task definition of several containers', () => {
  test('is described as it was registered', async () => {
    const first = { ...web, ...after('db', 'HEALTHY'), cpu: 64, memoryReservation: 128 };
    await register([first, { ...db, startTimeout: 60, stopTimeout: 2 }]);
    const { taskDefinition } = await ecs.describeTaskDefinition({ taskDefinition: family });
    expect(taskDefinition!.containerDefinitions).toMatchObject([
      { name: 'web', dependsOn: [{ containerName: 'db', condition: 'HEALTHY' }], memoryReservation: 128 },
      { name: 'db', healthCheck: { command: ['CMD-SHELL', 'ready'], interval: 5 }, startTimeout: 60 },
    ]);
  });

  // Without a message where AWS's own is not known.
  test.each<[string, ContainerDefinition[], string]>([
    ['a name twice', [web, { ...db, name: 'web' }], 'Container names must be unique'],
    ['nothing essential', [{ ...web, essential: false }], "doesn't have any essential container"],
    [
      'eleven containers',
      Array.from({ length: 11 }, (_, i) => ({ name: `c${i}`, image: 'tempus/hello' })),
      'Too many containers',
    ],
    [
      'a port twice',
      [web, { ...unchecked, portMappings: web.portMappings }],
      "TCP host port '3000' is mapped multiple times in task",
    ],
    [
      'a dependency on nobody',
      [{ ...web, ...after('x', 'START') }],
      "Cannot depend on container + 'x' because it does not exist",
    ],
    ['a dependency on itself', [{ ...web, ...after('web', 'START') }], ''],
    [
      'a circle',
      [
        { ...web, ...after('db', 'START') },
        { ...db, ...after('web', 'START') },
      ],
      '',
    ],
    [
      'a wait for the health of what has no check',
      [{ ...web, ...after('db', 'HEALTHY') }, unchecked],
      'A dependency container with HEALTHY condition must have health check configured',
    ],
    [
      'a wait for the end of what is essential',
      [{ ...web, ...after('db', 'COMPLETE') }, db],
      'A dependency container with SUCCESS or COMPLETE condition cannot be an essential container',
    ],
    [
      'more CPU than the task',
      [
        { ...web, cpu: 200 },
        { ...db, cpu: 100 },
      ],
      "The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'",
    ],
    [
      'more memory than the task',
      [web, { ...db, memory: 1024 }],
      "The 'memory' setting for container 'db' is greater than for the task",
    ],
    ['too rare a health check', [{ ...db, healthCheck: { ...db.healthCheck!, interval: 301 } }], ''],
    ['a start timeout of a second', [{ ...web, startTimeout: 1 }], ''],
  ])('is refused with %s', async (_case, containers, message) => {
    await expect(register(containers)).rejects.toMatchObject(refusal('ClientException', message));
  });
});

describe('a service of several containers', () => {
  const service = (more: Partial<CreateServiceCommandInput> = {}): CreateServiceCommandInput => ({
    cluster,
    serviceName: family,
    taskDefinition: family,
    desiredCount: 0,
    launchType: 'FARGATE',
    networkConfiguration: { awsvpcConfiguration: { subnets: SUBNETS } },
    ...more,
  });

  async function create(more: Partial<CreateServiceCommandInput>) {
    const created = await ecs.createService(service(more));
    contract.undo(() => ecs.deleteService({ cluster, service: family, force: true }));
    return created.service!;
  }

  /** Two target groups behind one load balancer. */
  async function groups(): Promise<[string, string]> {
    const { LoadBalancers } = await elbv2.createLoadBalancer({ Name: uniqueName(), Subnets: SUBNETS });
    const { LoadBalancerArn } = LoadBalancers![0]!;
    contract.undo(() => elbv2.deleteLoadBalancer({ LoadBalancerArn }));
    const behind = async (Port: number) => {
      const Name = uniqueName();
      const made = await elbv2.createTargetGroup({
        Name,
        Protocol: 'HTTP',
        Port: 80,
        VpcId: VPC,
        TargetType: 'ip',
      });
      const { TargetGroupArn } = made.TargetGroups![0]!;
      contract.undo(() => elbv2.deleteTargetGroup({ TargetGroupArn }));
      const { Listeners } = await elbv2.createListener({
        LoadBalancerArn,
        Port,
        Protocol: 'HTTP',
        DefaultActions: [{ Type: 'forward', TargetGroupArn }],
      });
      contract.undo(() => elbv2.deleteListener({ ListenerArn: Listeners![0]!.ListenerArn }));
      return TargetGroupArn!;
    };
    return [await behind(81), await behind(82)];
  }

  test('is put into a target group for each of them, and only with a port that the container has', async () => {
    await register([web, unchecked]);
    const [first, second] = await groups();
    const toWeb = { targetGroupArn: first, containerName: 'web', containerPort: 3000 };
    const toDb = { targetGroupArn: second, containerName: 'db', containerPort: 5432 };
    const wrong = service({ loadBalancers: [toWeb, { ...toDb, containerPort: 3000 }] });
    await expect(ecs.createService(wrong)).rejects.toMatchObject(
      refusal('InvalidParameterException', 'The container db did not have a container port 3000 defined.'),
    );
    const created = await create({ loadBalancers: [toWeb, toDb] });
    expect(created.loadBalancers).toMatchObject([toWeb, toDb]);
    await expect(
      ecs.updateService({ cluster, service: family, loadBalancers: [{ ...toWeb, containerName: 'x' }] }),
    ).rejects.toMatchObject(
      refusal('InvalidParameterException', 'The container x does not exist in the task definition.'),
    );
  });

  // Only a cloud of our own starts tasks without an image, a network and a bill.
  test.runIf(IS_LOCAL)('tells of each container, and ends them all when an essential one ends', async () => {
    contract.runtime.script['tempus/db'] = (task) => (task.healthy = false);
    await register([{ ...web, ...after('db', 'HEALTHY') }, db]);
    const [first, second] = await groups();
    await create({
      desiredCount: 1,
      // Nothing listens where the load balancer looks.
      healthCheckGracePeriodSeconds: 600,
      loadBalancers: [
        { targetGroupArn: first, containerName: 'web', containerPort: 3000 },
        { targetGroupArn: second, containerName: 'db', containerPort: 5432 },
      ],
    });
    const only = async (desiredStatus: 'RUNNING' | 'STOPPED') => {
      const { taskArns = [] } = await ecs.listTasks({ cluster, family, desiredStatus });
      expect(taskArns).toHaveLength(1);
      return (await ecs.describeTasks({ cluster, tasks: taskArns })).tasks![0]!;
    };
    const dbOf = () => contract.runtime.running.find(({ launch }) => launch.name === 'db');
    await vi.waitFor(() => expect(dbOf()).toBeDefined());
    expect(await only('RUNNING')).toMatchObject({
      lastStatus: 'PENDING',
      healthStatus: 'UNKNOWN',
      containers: [
        { name: 'web', lastStatus: 'PENDING' },
        { name: 'db', lastStatus: 'RUNNING', healthStatus: 'UNKNOWN' },
      ],
    });
    dbOf()!.healthy = true;
    await vi.waitFor(
      async () =>
        expect(await only('RUNNING')).toMatchObject({
          lastStatus: 'RUNNING',
          healthStatus: 'HEALTHY',
          containers: [
            { name: 'web', lastStatus: 'RUNNING' },
            { name: 'db', lastStatus: 'RUNNING', healthStatus: 'HEALTHY' },
          ],
        }),
      { timeout: 5_000 },
    );
    const ports = await Promise.all(
      [first, second].map(async (TargetGroupArn) => {
        const { TargetHealthDescriptions = [] } = await elbv2.describeTargetHealth({ TargetGroupArn });
        return TargetHealthDescriptions.map(({ Target }) => Target!.Port);
      }),
    );
    const portOf = (name: string) =>
      contract.runtime.running.find(({ launch }) => launch.name === name)!.port;
    expect(ports).toEqual([[portOf('web')], [portOf('db')]]);
    dbOf()!.exit({ exitCode: 3 });
    await vi.waitFor(
      async () =>
        expect(await only('STOPPED')).toMatchObject({
          lastStatus: 'STOPPED',
          stopCode: 'EssentialContainerExited',
          stoppedReason: 'Essential container in task exited',
          containers: [
            { name: 'web', lastStatus: 'STOPPED', exitCode: 0 },
            { name: 'db', lastStatus: 'STOPPED', exitCode: 3 },
          ],
        }),
      { timeout: 5_000 },
    );
  });
});
