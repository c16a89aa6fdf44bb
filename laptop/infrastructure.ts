import { ResourceInUseException } from '@aws-sdk/client-dynamodb';
import { ResourceAlreadyExistsException } from '@aws-sdk/client-cloudwatch-logs';
import { ConflictException } from '@aws-sdk/client-scheduler';
import type { AwsClients } from '../aws/clients.ts';
import { coordinationTable, eventsTable, previewsTable, PURGE_ATTRIBUTE } from '../preview/tables.ts';

/** Names of what Terraform makes on AWS and this file makes on a laptop. */
export const NAMES = {
  install: 'laptop',
  previews: 'tempus-previews',
  coordination: 'tempus-coordination',
  events: 'tempus-events',
  cluster: 'tempus',
  alb: 'tempus',
  waiting_room: 'tempus-waiting-room',
  log_group: '/tempus/previews',
  schedule_group: 'tempus',
  expire_schedule: 'tempus-expire',
  expire_function: 'tempus-expire',
  observe_function: 'tempus-observe',
  vpc_id: 'vpc-00000000000000000',
  subnets: ['subnet-00000000000000000', 'subnet-00000000000000001'],
  security_group: 'sg-00000000000000000',
  fuse_role_arn: 'arn:aws:iam::000000000000:role/tempus-fuse',
} as const;

/** A load balancer speaks HTTP on its own port; where that is reached from outside is the endpoint's business. */
export const LISTENER_PORT = 80;

async function unless(
  exists: abstract new (...args: never) => Error,
  create: Promise<unknown>,
): Promise<void> {
  try {
    await create;
  } catch (error) {
    if (!(error instanceof exists)) throw error;
  }
}

/** Makes what an install needs before its first preview, and finds what an earlier run has made. Answers the listener. */
export async function provision(clients: AwsClients): Promise<{ listenerArn: string }> {
  const [listenerArn] = await Promise.all([
    provisionListener(clients),
    provisionTables(clients),
    clients.ecs.createCluster({ clusterName: NAMES.cluster, capacityProviders: ['FARGATE', 'FARGATE_SPOT'] }),
    unless(ResourceAlreadyExistsException, clients.logs.createLogGroup({ logGroupName: NAMES.log_group })),
    provisionSchedules(clients),
  ]);
  return { listenerArn };
}

async function provisionTables({ dynamodb }: AwsClients): Promise<void> {
  await Promise.all([
    unless(ResourceInUseException, dynamodb.createTable(previewsTable(NAMES.previews))),
    unless(ResourceInUseException, dynamodb.createTable(coordinationTable(NAMES.coordination))),
    unless(ResourceInUseException, dynamodb.createTable(eventsTable(NAMES.events))),
  ]);
  for (const table of [NAMES.previews, NAMES.coordination, NAMES.events]) {
    await enablePurge(dynamodb, table);
    await dynamodb.updateContinuousBackups({
      TableName: table,
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    });
  }
}

async function enablePurge(dynamodb: AwsClients['dynamodb'], TableName: string): Promise<void> {
  const { TimeToLiveDescription } = await dynamodb.describeTimeToLive({ TableName });
  if (TimeToLiveDescription?.TimeToLiveStatus === 'ENABLED') return;
  await dynamodb.updateTimeToLive({
    TableName,
    TimeToLiveSpecification: { Enabled: true, AttributeName: PURGE_ATTRIBUTE },
  });
}

async function provisionListener({ elbv2 }: AwsClients): Promise<string> {
  const { LoadBalancers = [] } = await elbv2.describeLoadBalancers({});
  const found = LoadBalancers.find(({ LoadBalancerName }) => LoadBalancerName === NAMES.alb);
  const alb =
    found ??
    (await elbv2.createLoadBalancer({ Name: NAMES.alb, Subnets: [...NAMES.subnets], Type: 'application' }))
      .LoadBalancers?.[0];
  const LoadBalancerArn = alb?.LoadBalancerArn;
  const { Listeners = [] } = await elbv2.describeListeners({ LoadBalancerArn });
  const listener =
    Listeners[0] ??
    (
      await elbv2.createListener({
        LoadBalancerArn,
        Protocol: 'HTTP',
        Port: LISTENER_PORT,
        DefaultActions: [
          {
            Type: 'fixed-response',
            FixedResponseConfig: {
              StatusCode: '404',
              ContentType: 'text/plain',
              MessageBody: 'No preview lives at this address.\n',
            },
          },
        ],
      })
    ).Listeners?.[0];
  if (!listener?.ListenerArn) throw new Error('the load balancer has no listener');
  return listener.ListenerArn;
}

async function provisionSchedules({ scheduler }: AwsClients): Promise<void> {
  await unless(ConflictException, scheduler.createScheduleGroup({ Name: NAMES.schedule_group }));
  const schedule = scheduler.createSchedule({
    Name: NAMES.expire_schedule,
    ScheduleExpression: 'rate(1 minute)',
    FlexibleTimeWindow: { Mode: 'OFF' },
    Target: {
      Arn: `arn:aws:lambda:us-east-1:000000000000:function:${NAMES.expire_function}`,
      RoleArn: NAMES.fuse_role_arn,
    },
  });
  await unless(ConflictException, schedule);
}
