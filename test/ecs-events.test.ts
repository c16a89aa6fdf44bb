import { describe, expect, onTestFinished, test } from 'vitest';
import { EcsModel } from '../localcloud/ecs/model.ts';
import { EventBus } from '../localcloud/events/event-bus.ts';
import type { CloudEvent } from '../localcloud/events/event.ts';
import { LogsModel } from '../localcloud/logs/model.ts';
import { Realism } from '../localcloud/realism/realism.ts';
import { memoryState } from '../localcloud/state.ts';
import { silentLog as log } from '../platform/log.ts';
import { ManualClock } from './fakes/clock.ts';
import { FakeRuntime } from './fakes/fake-runtime.ts';
import { FakeTargetGroups } from './fakes/fake-target-groups.ts';
import { SeededRandom } from './sim/random.ts';

const random = new SeededRandom('events');

describe("ECS's events", () => {
  async function open() {
    const clock = new ManualClock('2026-01-01T00:00:00Z');
    const events: CloudEvent[] = [];
    const bus = new EventBus({ clock, random, log, deliver: async (event) => events.push(event) });
    const ecs = new EcsModel({
      clock,
      random,
      log,
      state: memoryState(),
      publish: (happening) => bus.publish(happening),
      runtime: new FakeRuntime(),
      elbv2: new FakeTargetGroups(clock),
      logs: new LogsModel({ clock }),
    });
    await ecs.start();
    onTestFinished(async () => {
      const stopped = ecs.stop();
      await clock.advance(1_000);
      await stopped;
      await bus.stop();
    });
    const register = async (image: string) => {
      const containerDefinitions = [{ name: 'web', image }];
      const shared = { family: 'web', networkMode: 'awsvpc' as const, cpu: '256', memory: '512' };
      await ecs.registerTaskDefinition({ ...shared, containerDefinitions });
    };
    const create = async (image: string) => {
      await register(image);
      await ecs.createService({
        serviceName: 'web',
        taskDefinition: 'web',
        desiredCount: 1,
        networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-1'] } },
        deploymentConfiguration: {
          deploymentCircuitBreaker: {
            enable: true,
            rollback: true,
            thresholdConfiguration: { type: 'COUNT', value: 1 },
          },
        },
      });
      await clock.advance(2_000);
    };
    const of = (type: string) => events.filter((event) => event['detail-type'] === type);
    return { clock, ecs, create, register, of };
  }

  test('tell the life of a task, in the shape of EventBridge', async () => {
    const { clock, ecs, create, of } = await open();
    await create('any');
    const lived = of('ECS Task State Change');
    expect(lived.map(({ detail }) => detail['lastStatus'])).toEqual([
      'PROVISIONING',
      'PENDING',
      'ACTIVATING',
      'RUNNING',
    ]);
    const [taskArn] = (await ecs.listTasks({})).taskArns ?? [];
    expect(lived.at(-1)).toMatchObject({
      version: '0',
      source: 'aws.ecs',
      account: '000000000000',
      region: 'us-east-1',
      time: expect.stringMatching(/^2026-01-01T00:00:0\dZ$/),
      resources: [taskArn],
      detail: {
        taskArn,
        clusterArn: 'arn:aws:ecs:us-east-1:000000000000:cluster/default',
        desiredStatus: 'RUNNING',
        group: 'service:web',
        launchType: 'FARGATE',
        startedAt: expect.stringMatching(/^2026-01-01T00:00:0\d\.\d{3}Z$/),
        updatedAt: expect.stringMatching(/^2026-01-01T00:00:0\d\.\d{3}Z$/),
        containers: [{ name: 'web', lastStatus: 'RUNNING' }],
        overrides: { containerOverrides: [{ name: 'web' }] },
      },
    });
    // Whoever gets them late can tell which is the newest.
    const versions = lived.map(({ detail }) => detail['version'] as number);
    expect(versions).toEqual(versions.toSorted((a, b) => a - b));
    expect(new Set(lived.map(({ id }) => id)).size).toBe(lived.length);

    await ecs.deleteService({ service: 'web', force: true });
    await clock.advance(2_000);
    const ended = of('ECS Task State Change').at(-1)?.detail;
    expect(ended).toMatchObject({
      lastStatus: 'STOPPED',
      stopCode: 'ServiceSchedulerInitiated',
      stoppedReason: expect.stringContaining('Scaling activity initiated by'),
    });
  });

  test('tell of each rollout how it began and how it ended', async () => {
    const { clock, ecs, create, register, of } = await open();
    await create('any');
    const told = () =>
      of('ECS Deployment State Change').map(
        ({ detail }) => `${String(detail['eventType'])} ${String(detail['eventName'])}`,
      );
    expect(told()).toEqual(['INFO SERVICE_DEPLOYMENT_IN_PROGRESS', 'INFO SERVICE_DEPLOYMENT_COMPLETED']);
    await register('missing');
    await ecs.updateService({ service: 'web', taskDefinition: 'web' });
    await clock.advance(2_000);
    // The one that failed, and the one that goes back, which has begun by then.
    expect(told().slice(2)).toEqual([
      'INFO SERVICE_DEPLOYMENT_IN_PROGRESS',
      'INFO SERVICE_DEPLOYMENT_IN_PROGRESS',
      'ERROR SERVICE_DEPLOYMENT_FAILED',
      'INFO SERVICE_DEPLOYMENT_COMPLETED',
    ]);
    const [failed] = of('ECS Deployment State Change').filter(
      ({ detail }) => detail['eventType'] === 'ERROR',
    );
    expect(failed).toMatchObject({
      resources: ['arn:aws:ecs:us-east-1:000000000000:service/default/web'],
      detail: {
        deploymentId: expect.stringMatching(/^ecs-svc\/\d+$/),
        reason: expect.stringContaining('circuit breaker: tasks failed to start'),
        updatedAt: expect.any(String),
      },
    });
  });
});

describe('the bus', () => {
  const happening = (n: number) => ({ 'detail-type': 'T', source: 's', resources: [], detail: { n } });

  test('delivers an event again until it is taken', async () => {
    const clock = new ManualClock();
    const ids: string[] = [];
    const deliver = async ({ id }: CloudEvent) => {
      ids.push(id);
      if (ids.length < 4) throw new Error('not now');
    };
    const bus = new EventBus({ clock, random, log, deliver });
    bus.publish(happening(1));
    await clock.advance(60_000);
    expect(ids.length).toBe(4);
    expect(new Set(ids).size).toBe(1);
    await bus.stop();
    expect(clock.pending).toBe(0);
  });

  test('says how it was, whatever becomes of it afterwards', async () => {
    const seen: unknown[] = [];
    const deliver = async ({ detail }: CloudEvent) => seen.push(detail);
    const bus = new EventBus({ clock: new ManualClock(), random, log, deliver });
    const detail = { n: 1 };
    bus.publish({ ...happening(1), detail });
    detail.n = 2;
    await bus.stop();
    expect(seen).toEqual([{ n: 1 }]);
  });

  test("with AWS's delays events come late, overtake each other, and one in a hundred comes twice", async () => {
    const clock = new ManualClock();
    const realism = new Realism({ clock, random, factor: 1 });
    const came: { n: number; at: number }[] = [];
    const deliver = async ({ detail }: CloudEvent) =>
      came.push({ n: Number(detail['n']), at: clock.monotonic() });
    const bus = new EventBus({ clock, random, log, deliver, realism });
    for (let n = 0; n < 2_000; n += 1) bus.publish(happening(n));
    await clock.advance(30_000);
    await bus.stop();
    const times = came.map(({ at }) => at).toSorted((a, b) => a - b);
    expect(new Set(came.map(({ n }) => n)).size).toBe(2_000);
    expect(came.length - 2_000).toBeGreaterThan(5);
    expect(came.length - 2_000).toBeLessThan(50);
    expect(came.map(({ n }) => n)).not.toEqual(came.map(({ n }) => n).toSorted((a, b) => a - b));
    expect(times[1_000]! / 1_000).toBeCloseTo(1, 0);
    expect(times[1_900]! / 5_000).toBeCloseTo(1, 0);
  });

  test('what is on its way when the bus stops is delivered at once', async () => {
    const clock = new ManualClock();
    const realism = new Realism({ clock, random, factor: 1 });
    let came = 0;
    const bus = new EventBus({ clock, random, log, realism, deliver: async () => (came += 1) });
    bus.publish(happening(1));
    await bus.stop();
    expect(came).toBeGreaterThan(0);
    expect(clock.pending).toBe(0);
  });
});
