import { type IncomingHttpHeaders, request } from 'node:http';
import { Writable } from 'node:stream';
import * as logsSdk from '@aws-sdk/client-cloudwatch-logs';
import * as ecsSdk from '@aws-sdk/client-ecs';
import * as elbv2Sdk from '@aws-sdk/client-elastic-load-balancing-v2';
import * as schedulerSdk from '@aws-sdk/client-scheduler';
import { afterEach, describe, expect, test } from 'vitest';
import type { Database } from '../localcloud/dynamodb/database.ts';
import { startWireServer, type WireCall, type WireServer } from '../localcloud/wire/server.ts';
import { describeService } from '../localcloud/wire/service.ts';
import { systemClock as clock } from '../platform/clock.ts';
import { createLog } from '../platform/log.ts';
import { systemRandom as random } from '../platform/random.ts';

const SIGNATURE = `AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/ecs/aws4_request, SignedHeaders=host;x-amz-date, Signature=${'0'.repeat(64)}`;
const JSON_1_1 = 'application/x-amz-json-1.1';
const FORM = 'application/x-www-form-urlencoded';
const ECS_TARGET = 'AmazonEC2ContainerServiceV20141113';

type Model = Readonly<Record<string, (input: never) => Promise<unknown>>>;

interface Models {
  ecs?: Model;
  elbv2?: Model;
  scheduler?: Model;
  logs?: Model;
}

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

/** The endpoint over models that the test makes up, the real clients in front of it, and what it logged and reported. */
async function serve({ ecs = {}, elbv2 = {}, scheduler = {}, logs = {} }: Models) {
  const logged: Record<string, unknown>[] = [];
  const calls: WireCall[] = [];
  const sink = new Writable({
    write(line: Buffer, _encoding, done) {
      logged.push(JSON.parse(line.toString()) as Record<string, unknown>);
      done();
    },
  });
  const server: WireServer = await startWireServer({
    clock,
    random,
    log: createLog('debug', sink),
    host: '127.0.0.1',
    port: 0,
    database: {
      dynamodb: async () => ({ status: 400, body: '{"__type":"a#ResourceNotFoundException"}', headers: {} }),
      streams: async () => ({ status: 200, body: '{"Streams":[]}' }),
    } as unknown as Database,
    services: {
      json: {
        [ECS_TARGET]: describeService('ecs', ecsSdk, ecs),
        Logs_20140328: describeService('logs', logsSdk, logs),
      },
      query: { '2015-12-01': describeService('elbv2', elbv2Sdk, elbv2) },
      rest: describeService('scheduler', schedulerSdk, scheduler),
    },
    onCall: (call) => calls.push(call),
  });
  closing.push(() => server.close());
  const endpoint = `http://127.0.0.1:${server.port}`;
  const settings = {
    endpoint,
    region: 'us-east-1',
    maxAttempts: 1,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
  const clients = {
    ecs: new ecsSdk.ECS(settings),
    elbv2: new elbv2Sdk.ElasticLoadBalancingV2(settings),
    scheduler: new schedulerSdk.Scheduler(settings),
    logs: new logsSdk.CloudWatchLogs(settings),
  };
  for (const client of Object.values(clients)) closing.push(() => client.destroy());
  return { endpoint, ...clients, logged, calls };
}

/** One request as no SDK would send it. */
async function send(
  url: string,
  {
    headers = {},
    body,
    method = 'POST',
  }: { headers?: Record<string, string>; body?: string; method?: string },
) {
  const signed = { authorization: SIGNATURE, ...headers };
  const response = await fetch(url, { method, headers: signed, ...(body === undefined ? {} : { body }) });
  return { status: response.status, text: await response.text() };
}

/** The status and the error code of a JSON answer. */
function refusal({ status, text }: { status: number; text: string }): [number, unknown] {
  return [status, (JSON.parse(text) as Record<string, unknown>)['__type']];
}

/** The same with headers that fetch keeps to itself. */
function sendRaw(
  url: string,
  headers: Record<string, string>,
): Promise<{ status: number | undefined; headers: IncomingHttpHeaders }> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', headers }, (response) => {
      response.resume();
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers }));
    });
    sent.on('error', reject).end('{}');
  });
}

function echo(returned: unknown): { seen: unknown[]; call: (input: never) => Promise<unknown> } {
  const seen: unknown[] = [];
  return { seen, call: async (input) => (seen.push(input), returned) };
}

describe('every type survives the way through the real SDK', () => {
  const at = new Date('2026-01-01T10:00:00.250Z');

  test('JSON: numbers, booleans, timestamps, lists, maps and nesting', async () => {
    const created = echo({
      service: { serviceName: 'a', desiredCount: 0, enableExecuteCommand: false, createdAt: at, events: [] },
    });
    const definition = echo({ taskDefinition: { containerDefinitions: [{ dockerLabels: { 'a.b': 'c' } }] } });
    const { ecs } = await serve({
      ecs: { createService: created.call, registerTaskDefinition: definition.call },
    });
    const input = {
      serviceName: 'a',
      desiredCount: 0,
      enableExecuteCommand: false,
      loadBalancers: [{ targetGroupArn: 'arn', containerPort: 3000 }],
      deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: false } },
    };
    const { service } = await ecs.createService(input);
    expect(created.seen).toEqual([input]);
    expect(service).toEqual({
      serviceName: 'a',
      desiredCount: 0,
      enableExecuteCommand: false,
      createdAt: at,
      events: [],
    });

    const container = { name: 'app', dockerLabels: { 'a.b': 'c' }, environment: [{ name: 'N', value: '' }] };
    const { taskDefinition } = await ecs.registerTaskDefinition({
      family: 'f',
      containerDefinitions: [container],
    });
    expect(definition.seen).toEqual([{ family: 'f', containerDefinitions: [container] }]);
    expect(taskDefinition?.containerDefinitions).toEqual([{ dockerLabels: { 'a.b': 'c' } }]);
  });

  test('Query: the same, and text that XML would swallow', async () => {
    const text = 'a <b> & "c"\r\nümlaut ✓';
    const rule = {
      RuleArn: 'arn',
      Priority: '1',
      IsDefault: false,
      Conditions: [{ Field: 'host-header', HostHeaderConfig: { Values: ['a', 'b'] } }],
      Actions: [{ Type: 'fixed-response', FixedResponseConfig: { StatusCode: '404', MessageBody: text } }],
    } satisfies elbv2Sdk.Rule;
    const created = echo({ Rules: [rule] });
    const balancers = echo({ LoadBalancers: [{ CreatedTime: at, SecurityGroups: [] }] });
    const { elbv2 } = await serve({
      elbv2: { createRule: created.call, describeLoadBalancers: balancers.call },
    });
    const input = {
      ListenerArn: 'arn',
      Priority: 12,
      Conditions: rule.Conditions,
      Actions: [
        {
          Type: 'forward' as const,
          ForwardConfig: {
            TargetGroups: [{ TargetGroupArn: 't', Weight: 1 }],
            TargetGroupStickinessConfig: { Enabled: false },
          },
        },
      ],
      Tags: Array.from({ length: 11 }, (_, index) => ({ Key: `k${index}`, Value: text })),
    };
    expect((await elbv2.createRule(input)).Rules).toEqual([rule]);
    expect(created.seen).toEqual([input]);
    const { LoadBalancers } = await elbv2.describeLoadBalancers({});
    expect(LoadBalancers).toEqual([{ CreatedTime: at, SecurityGroups: [] }]);
  });

  test('REST: members from path, query string and body', async () => {
    const schedule = echo({ Name: 'a.b', CreationDate: at, FlexibleTimeWindow: { Mode: 'OFF' } });
    const listed = echo({ Schedules: [] });
    const updated = echo({ ScheduleArn: 'arn' });
    const { scheduler } = await serve({
      scheduler: { getSchedule: schedule.call, listSchedules: listed.call, updateSchedule: updated.call },
    });
    const got = await scheduler.getSchedule({ Name: 'ä/b c', GroupName: 'g&h=1' });
    expect(schedule.seen).toEqual([{ Name: 'ä/b c', GroupName: 'g&h=1' }]);
    expect(got.CreationDate).toEqual(at);
    await scheduler.listSchedules({ MaxResults: 5, NamePrefix: 'x' });
    expect(listed.seen).toEqual([{ MaxResults: 5, NamePrefix: 'x' }]);
    const input = {
      Name: 'a',
      ClientToken: 'once',
      ScheduleExpression: 'rate(1 minute)',
      StartDate: new Date('2026-01-01T10:00:00Z'),
      FlexibleTimeWindow: { Mode: 'FLEXIBLE' as const, MaximumWindowInMinutes: 5 },
      Target: { Arn: 'a', RoleArn: 'r', Input: '{"a":1}' },
    };
    await scheduler.updateSchedule(input);
    expect(updated.seen).toEqual([input]);
  });
});

describe('what a model lacks is refused by name, in the shape of the protocol, and logged', () => {
  test('JSON', async () => {
    const { ecs, logs, logged } = await serve({});
    const unknown = { name: 'UnknownOperationException', $metadata: { httpStatusCode: 400 } };
    await expect(ecs.runTask({ taskDefinition: 't' })).rejects.toMatchObject(unknown);
    await expect(logs.putLogEvents({} as never)).rejects.toMatchObject(unknown);
    expect(logged).toContainEqual(
      expect.objectContaining({ level: 40, service: 'ecs', operation: 'RunTask' }),
    );
  });

  test('Query', async () => {
    const { elbv2, logged } = await serve({});
    await expect(elbv2.createListener({} as never)).rejects.toMatchObject({
      name: 'InvalidAction',
      $metadata: { httpStatusCode: 400 },
    });
    expect(logged).toContainEqual(expect.objectContaining({ level: 40, operation: 'CreateListener' }));
  });

  test('REST', async () => {
    const { scheduler } = await serve({});
    await expect(scheduler.getSchedule({ Name: 'a' })).rejects.toMatchObject({
      name: 'UnknownOperationException',
      $metadata: { httpStatusCode: 404 },
    });
  });

  test('a service that nothing models', async () => {
    const { endpoint, logged } = await serve({});
    const json = await send(endpoint, {
      headers: { 'x-amz-target': 'AWSGlue.GetTable', 'content-type': JSON_1_1 },
      body: '{}',
    });
    expect(refusal(json)).toEqual([400, 'UnknownOperationException']);
    const query = await send(endpoint, {
      headers: { 'content-type': FORM },
      body: 'Action=GetCallerIdentity&Version=2011-06-15',
    });
    expect(query.status).toBe(400);
    expect(query.text).toContain('<Code>InvalidAction</Code>');
    expect(logged.map(({ operation }) => operation)).toEqual(['GetTable', 'GetCallerIdentity']);
  });

  test('names that every object has are no service and no operation', async () => {
    const { endpoint } = await serve({});
    for (const target of ['constructor.a', 'toString.call', `${ECS_TARGET}.constructor`, '__proto__.x', '']) {
      const answer = await send(endpoint, { headers: { 'x-amz-target': target }, body: '{}' });
      expect(refusal(answer), target).toEqual([400, 'UnknownOperationException']);
    }
  });
});

describe('errors', () => {
  const $metadata = {};

  test('an exception of the SDK arrives as the same class', async () => {
    const { elbv2, ecs } = await serve({
      elbv2: {
        createRule: async () => {
          throw new elbv2Sdk.PriorityInUseException({ $metadata, message: 'Priority <1> is in use' });
        },
      },
      ecs: {
        updateService: async () => {
          throw new ecsSdk.ServiceNotFoundException({ $metadata, message: 'Service not found.' });
        },
      },
    });
    const rule = { ListenerArn: 'a', Conditions: [], Actions: [], Priority: 1 };
    const error = await elbv2.createRule(rule).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(elbv2Sdk.PriorityInUseException);
    expect(error).toMatchObject({ message: 'Priority <1> is in use', $metadata: { httpStatusCode: 400 } });
    await expect(ecs.updateService({ service: 'a' })).rejects.toBeInstanceOf(ecsSdk.ServiceNotFoundException);
  });

  test('a code that the SDK has no class for keeps its name', async () => {
    const { elbv2 } = await serve({
      elbv2: {
        describeRules: async () => {
          throw new elbv2Sdk.ElasticLoadBalancingV2ServiceException({
            name: 'Throttling',
            message: 'Rate exceeded',
            $fault: 'client',
            $metadata,
          });
        },
      },
    });
    await expect(elbv2.describeRules({})).rejects.toMatchObject({ name: 'Throttling' });
  });

  test('a defect of a model is a failure of AWS, with its stack in the log', async () => {
    const broken = async () => {
      throw new TypeError('a defect');
    };
    const { ecs, elbv2, scheduler, logged } = await serve({
      ecs: { listServices: broken },
      elbv2: { describeRules: broken },
      scheduler: { listSchedules: broken },
    });
    const failed = (name: string) => ({ name, $metadata: { httpStatusCode: 500 } });
    await expect(ecs.listServices({})).rejects.toMatchObject(failed('InternalServerException'));
    await expect(elbv2.describeRules({})).rejects.toMatchObject(failed('InternalFailure'));
    await expect(scheduler.listSchedules({})).rejects.toMatchObject(failed('InternalServerException'));
    const { level, err } = logged[0] as { level: number; err: { stack: string } };
    expect(level).toBe(50);
    expect(err.stack).toContain('TypeError: a defect');
  });

  test('what AWS requires is required, at every depth', async () => {
    const never = async () => {
      throw new Error('the model was called');
    };
    const { elbv2, scheduler, ecs } = await serve({
      elbv2: { createRule: never },
      scheduler: { createSchedule: never },
      ecs: { createService: never },
    });
    await expect(elbv2.createRule({ ListenerArn: 'a' } as never)).rejects.toMatchObject({
      name: 'ValidationError',
      message: expect.stringContaining("'conditions'"),
    });
    const schedule = { Name: 'a', ScheduleExpression: 'rate(1 minute)', FlexibleTimeWindow: { Mode: 'OFF' } };
    await expect(
      scheduler.createSchedule({ ...schedule, Target: { Arn: 'a' } } as never),
    ).rejects.toMatchObject({
      name: 'ValidationException',
      message: expect.stringContaining("'target.roleArn'"),
    });
    await expect(ecs.createService({} as never)).rejects.toMatchObject({ name: 'InvalidParameterException' });
  });

  test.each([
    ['no JSON', '{'],
    ['no object', '[]'],
    ['null', 'null'],
    ['a number for a string', '{"cluster":1}'],
    ['a string for a number', '{"maxResults":"1"}'],
    ['an object for a list', '{"services":{}}'],
  ])('a body that is %s is a SerializationException', async (_, body) => {
    const { endpoint } = await serve({
      ecs: { describeServices: echo({}).call, listServices: echo({}).call },
    });
    const name = body.includes('maxResults') ? 'ListServices' : 'DescribeServices';
    const answer = await send(endpoint, {
      headers: { 'x-amz-target': `${ECS_TARGET}.${name}`, 'content-type': JSON_1_1 },
      body,
    });
    expect(refusal(answer)).toEqual([400, 'SerializationException']);
  });

  test('a path or a parameter that cannot be read is refused too', async () => {
    const { endpoint } = await serve({
      scheduler: { getSchedule: echo({}).call, listSchedules: echo({}).call },
    });
    for (const path of ['/schedules/%zz', '/schedules?MaxResults=many']) {
      const answer = await send(`${endpoint}${path}`, { method: 'GET' });
      expect(refusal(answer), path).toEqual([400, 'SerializationException']);
    }
  });

  test('a body over 16 MB is refused, and the connection still serves', async () => {
    const { endpoint, ecs } = await serve({ ecs: { listServices: echo({ serviceArns: [] }).call } });
    const target = { 'x-amz-target': `${ECS_TARGET}.ListServices`, 'content-type': JSON_1_1 };
    const { status } = await send(endpoint, { headers: target, body: ' '.repeat(17 * 1024 * 1024) });
    expect(status).toBe(413);
    expect((await ecs.listServices({})).serviceArns).toEqual([]);
  });
});

describe('a page in a browser cannot drive the endpoint', () => {
  const target = { 'x-amz-target': `${ECS_TARGET}.ListServices`, 'content-type': JSON_1_1 };

  test.each([
    ['an Origin', { origin: 'http://evil.example' }],
    ['an Origin of this machine', { origin: 'http://localhost:4000' }],
    ['the mark of a browser', { 'sec-fetch-site': 'same-origin' }],
    ['no signature', { authorization: '' }],
    ['another kind of authorization', { authorization: 'Bearer token' }],
    ['half a signature', { authorization: 'AWS4-HMAC-SHA256 Credential=a' }],
  ])('a request with %s is refused', async (_, headers) => {
    const list = echo({});
    const { endpoint, calls } = await serve({ ecs: { listServices: list.call } });
    const answer = await sendRaw(endpoint, { ...target, authorization: SIGNATURE, ...headers });
    expect(answer.status).toBe(403);
    expect(answer.headers['x-amzn-requestid']).toMatch(/^[0-9a-f-]{36}$/);
    expect(list.seen).toEqual([]);
    expect(calls).toEqual([]);
  });

  test.each(['evil.example', 'localhost.evil.example', '169.254.169.254', 'preview-1.localhost:8080'])(
    'nor is the name %s taken for this machine',
    async (host) => {
      const { endpoint } = await serve({ ecs: { listServices: echo({}).call } });
      expect((await sendRaw(endpoint, { ...target, authorization: SIGNATURE, host })).status).toBe(403);
    },
  );

  test.each(['localhost', 'localhost:4566', '127.0.0.1:1', '[::1]:4566'])(
    'the loopback name %s is let in',
    async (host) => {
      const { endpoint } = await serve({ ecs: { listServices: echo({}).call } });
      expect((await sendRaw(endpoint, { ...target, authorization: SIGNATURE, host })).status).toBe(200);
    },
  );
});

describe('every call', () => {
  test('is reported with who asked what, and its outcome', async () => {
    const { ecs, scheduler, endpoint, calls } = await serve({ ecs: { listServices: echo({}).call } });
    await ecs.listServices({ cluster: 'tempus' });
    await scheduler.getSchedule({ Name: 'a' }).catch(() => undefined);
    await send(endpoint, { headers: { 'x-amz-target': 'DynamoDB_20120810.GetItem' }, body: '{}' });
    await send(endpoint, { headers: { 'x-amz-target': 'DynamoDBStreams_20120810.ListStreams' }, body: '{}' });
    const duration_ms = expect.any(Number);
    const caller = 'test';
    expect(calls).toEqual([
      {
        caller,
        service: 'ecs',
        operation: 'ListServices',
        input: { cluster: 'tempus' },
        status: 200,
        duration_ms,
      },
      {
        caller,
        service: 'scheduler',
        operation: 'GET /schedules/a',
        input: undefined,
        status: 404,
        code: 'UnknownOperationException',
        duration_ms,
      },
      {
        caller,
        service: 'dynamodb',
        operation: 'GetItem',
        input: {},
        status: 400,
        code: 'ResourceNotFoundException',
        duration_ms,
      },
      { caller, service: 'streams', operation: 'ListStreams', input: {}, status: 200, duration_ms },
    ]);
  });

  test('has a request id, a refused one too', async () => {
    const { ecs } = await serve({ ecs: { listServices: echo({}).call } });
    const first = await ecs.listServices({});
    const second = await ecs.runTask({ taskDefinition: 'a' }).catch((error: unknown) => error);
    expect(first.$metadata.requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect((second as typeof first).$metadata.requestId).toMatch(/^[0-9a-f-]{36}$/);
  });
});
