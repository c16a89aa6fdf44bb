import { describe, expect, test } from 'vitest';
import { AWS_PACE, controllerSchema, reconcilerConfig } from '../controller/config.ts';
import { observe } from '../lambda/observe.ts';
import { silentLog as log } from '../platform/log.ts';
import { toSeconds } from '../platform/clock.ts';
import type { PreviewRow } from '../preview/record.ts';
import { useReconciler } from './reconcile-world.ts';
import { ALL_HEARD, type EventFaults } from './sim/events.ts';
import { Human } from './sim/human.ts';
import { IMAGES } from './sim/tasks.ts';
import { USUAL } from './sim/trial.ts';
import { noFaults } from './sim/faults.ts';
import { World } from './sim/world.ts';

const MINUTE = 60_000;

describe('with events', () => {
  const aws = useReconciler();
  let told = 0;

  /** Has the function hear that a rollout of the preview ended, now. */
  async function hear(id: string): Promise<string> {
    const event = {
      id: `event-${(told += 1)}`,
      source: 'aws.ecs',
      time: toSeconds(aws.clock.now()),
      'detail-type': 'ECS Deployment State Change',
      resources: [`arn:aws:ecs:us-east-1:000000000000:service/${aws.config.cluster}/tempus-${id}`],
      detail: { eventName: 'SERVICE_DEPLOYMENT_FAILED' },
    };
    return observe(event, { store: aws.deps.store, cluster: aws.config.cluster, log });
  }
  const failed = ({ phase }: PreviewRow) => phase === 'Failed';

  test('a spec that was rejected is not tried again, however many come', async () => {
    aws.config.rollout_poll_ms = AWS_PACE.rollout_poll_ms;
    const { id } = await aws.create({ image: IMAGES.crashing });
    await aws.until(id, failed);
    await aws.run(id, MINUTE);
    const before = await aws.row(id);
    aws.changes = [];
    for (let n = 0; n < 5; n += 1) {
      expect(await hear(id)).toBe('observed');
      await aws.pass(id);
      await aws.clock.advance(1_000);
    }
    expect(aws.changes).toEqual([]);
    expect(await aws.row(id)).toEqual({ ...before, observed_event: expect.any(String) });
  });

  test('only a rollout under way is left alone for long, and looked at more often for ten seconds after each', async () => {
    aws.config.rollout_poll_ms = AWS_PACE.rollout_poll_ms;
    const { id } = await aws.create({ image: IMAGES.sick });
    const again = async () => {
      const result = await aws.pass(id);
      return result.kind === 'again' ? result.ms : result;
    };
    expect(await again()).toBe(30_000);
    await hear(id);
    // An event may come late, and what AWS shows later still.
    await aws.clock.advance(9_000);
    const looks: number[] = [];
    for (let ms = Number(await again()); ms < 30_000; ms = Number(await again())) {
      looks.push(ms);
      await aws.clock.advance(ms);
    }
    expect(looks[0]).toBe(250);
    expect(looks.reduce((all, ms) => all + ms, 0)).toBe(10_000);
    expect(looks.length).toBeLessThan(8);
    // The next one begins anew, however long ago the first one was.
    await hear(id);
    expect(await again()).toBe(250);
    await aws.clock.advance(6_000);
    expect(Number(await again())).toBeGreaterThan(1_000);
    await hear(id);
    expect(await again()).toBe(250);
    await aws.clock.advance(10_000);
    expect(await again()).toBe(30_000);
    aws.config.rollout_poll_ms = aws.config.poll_ms;
    expect(await again()).toBe(5_000);
  });

  test('a preview that is Ready is looked at once more ten seconds after each: AWS may not show yet what it told', async () => {
    const { id } = await aws.ready();
    const again = async () => {
      const result = await aws.pass(id);
      return result.kind === 'again' ? result.ms : result;
    };
    expect(await again()).toBe(AWS_PACE.drift_ms);
    await hear(id);
    expect(await again()).toBe(10_000);
    await aws.clock.advance(4_000);
    expect(await again()).toBe(6_000);
    await aws.clock.advance(6_000);
    expect(await again()).toBe(AWS_PACE.drift_ms);
    expect((await aws.row(id)).phase).toBe('Ready');
  });

  test('a leader that is new takes none that is old for news', async () => {
    const { id } = await aws.ready();
    await hear(id);
    await aws.clock.advance(3 * 60 * MINUTE);
    aws.restart();
    expect(await aws.pass(id)).toMatchObject({ kind: 'again', ms: AWS_PACE.drift_ms });
  });

  test('what no event tells of is polled as before: a task that has run and does not any more', async () => {
    aws.config.rollout_poll_ms = AWS_PACE.rollout_poll_ms;
    const { id } = await aws.ready();
    const { taskArns = [] } = await aws.ecs.listTasks({ cluster: aws.config.cluster });
    await aws.elbv2.deregisterTargets(await targetsOf(id));
    expect(taskArns.length).toBe(1);
    expect(await aws.pass(id)).toMatchObject({ kind: 'again', ms: 5_000 });
  });

  async function targetsOf(id: string) {
    const { TargetGroupArn } = (await aws.group(id))!;
    const { TargetHealthDescriptions = [] } = await aws.elbv2.describeTargetHealth({ TargetGroupArn });
    return { TargetGroupArn, Targets: TargetHealthDescriptions.map(({ Target }) => Target!) };
  }

  test('the reason of a first failed start is said while the rollout goes on', async () => {
    const { id } = await aws.create({ image: IMAGES.missing });
    await aws.pass(id);
    // The circuit breaker takes two of them.
    await aws.clock.advance(2_500);
    await aws.pass(id);
    expect((await aws.service(id))?.deployments?.[0]?.rolloutState).toBe('IN_PROGRESS');
    expect(await aws.row(id)).toMatchObject({ phase: 'Provisioning' });
    expect(await aws.said(id, 'ServiceReady')).toMatchObject({ status: 'False', reason: 'ImageNotFound' });
    expect((await aws.said(id, 'ServiceReady'))?.message).toBe('CannotPullContainerError: image not found');
  });

  test('the controller counts on them only where Terraform says that there are any', () => {
    const env = {
      AWS_REGION: 'eu-west-1',
      TEMPUS_INSTALL: 'tempus',
      TEMPUS_CLUSTER: 'tempus',
      TEMPUS_VPC_ID: 'vpc-1',
      TEMPUS_SUBNETS: 'subnet-1',
      TEMPUS_SECURITY_GROUPS: 'sg-1',
      TEMPUS_LOG_GROUP: '/tempus',
      TEMPUS_SCHEDULE_GROUP: 'tempus',
      TEMPUS_FUSE_ROLE_ARN: 'arn:aws:iam::000000000000:role/fuse',
      TEMPUS_ALBS: JSON.stringify([
        {
          name: 'one',
          listener_arn: 'arn:listener',
          probe_address: 'one:80',
          scheme: 'http',
          primary: 'host',
          host_domain: 'one.test',
        },
      ]),
    };
    const config = (own: object) => reconcilerConfig(controllerSchema.parse({ ...env, ...own }));
    expect(config({}).rollout_poll_ms).toBe(5_000);
    expect(config({ TEMPUS_OBSERVE: 'true' })).toMatchObject({ rollout_poll_ms: 30_000, poll_ms: 5_000 });
  });
});

describe('a whole install', () => {
  /** On virtual time: when each rollout ended, when it was seen Ready, and how often AWS was asked meanwhile. */
  async function life(events: EventFaults | undefined) {
    const world = await World.create({
      ...USUAL,
      pace: 'aws',
      seed: 'observe',
      faults: noFaults,
      observe: events,
    });
    // Slow to start: most of a life is waiting.
    const prepare = world.cloud.tasks.prepare.bind(world.cloud.tasks);
    world.cloud.tasks.prepare = async (launch) => {
      await new Promise<void>((resolve) => void world.time.schedule(2 * MINUTE, resolve));
      return prepare(launch);
    };
    const human = new Human(world);
    const asked = () => world.calls.counts.get('controller/ecs.describeServices') ?? 0;
    const creating = human.create();
    await world.run(2_000);
    const id = await creating;
    await world.run(10_000);
    const before = asked();
    await world.run(90_000);
    const polls = asked() - before;
    const completed = () => world.cloud.state.ecs.services[0]?.deployments[0]?.rolloutState === 'COMPLETED';
    await world.run(10 * MINUTE, completed);
    const ended = world.time.ms;
    await world.run(5_000, () => world.events.invoked > 0 || human.phase(id) === 'Ready');
    const heard = world.events.invoked > 0 ? world.time.ms : ended;
    await world.run(10 * MINUTE, () => human.phase(id) === 'Ready');
    const { violations } = world.safety;
    const ready = world.time.ms - heard;
    world.dispose();
    return { polls, ready, violations };
  }

  test('asks a service that it waits for at most every 30 s, and sees it Ready within 2 s of the event', async () => {
    const { polls, ready, violations } = await life({ ...ALL_HEARD });
    expect(violations).toEqual([]);
    expect(polls).toBeLessThanOrEqual(3);
    expect(ready).toBeLessThanOrEqual(2_000);
  });

  test('sees what no event has told of within 30 s', async () => {
    const { polls, ready } = await life({ lost: 1, doubled: 0, late: 0 });
    expect(polls).toBeLessThanOrEqual(3);
    expect(ready).toBeLessThanOrEqual(31_000);
  });

  test('without events asks every 5 s, as ever', async () => {
    const { polls, ready } = await life(undefined);
    expect(polls).toBeGreaterThan(15);
    expect(ready).toBeLessThanOrEqual(6_000);
  });
});
