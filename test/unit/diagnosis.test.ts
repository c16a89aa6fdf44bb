import type { Service, Task } from '@aws-sdk/client-ecs';
import { describe, expect, test } from 'vitest';
import { diagnose, withLines } from '../../reconcilers/diagnosis.ts';
import { lastingWords } from '../../reconcilers/lasting-words.ts';

const endpoints = [{ endpoint: { container: 'web', port: 80, health_path: '/' }, targets: [] }];
const began = new Date('2026-01-01T00:00:00Z');
const after = (seconds: number) => new Date(began.getTime() + seconds * 1_000);
const deployments = [{ status: 'PRIMARY', createdAt: began }];

const arch = 'X86_64';
const ofTask = (task: Task) => diagnose({ service: {}, arch, stopped: [task], endpoints });
/** Newest last, a second apart. */
const ofEvents = (...messages: string[]) => saidOf({}, ...messages);
const saidOf = (settings: Partial<Service>, ...messages: string[]) => {
  const events = messages.map((message, n) => ({
    message: `(service tempus-1) ${message}`,
    createdAt: after(n),
  }));
  const service = { ...settings, deployments, events: events.toReversed() };
  return diagnose({ service, arch, stopped: [], endpoints });
};
const refused = (reason: string) => ofEvents(`was unable to place a task. Reason: ${reason}.`);

describe('a stopped task', () => {
  test('whose container failed its own health checks names that container, not one that was stopped with it', () => {
    const task: Task = {
      stopCode: 'ServiceSchedulerInitiated',
      stoppedReason: 'Task failed container health checks',
      containers: [
        { name: 'web', exitCode: 1, healthStatus: 'UNKNOWN' },
        { name: 'db', exitCode: 137, healthStatus: 'UNHEALTHY' },
      ],
    };
    expect(ofTask(task)).toMatchObject({ reason: 'HealthCheckFailed', container: 'db' });
    expect(ofTask(task)?.message).toMatch(/^container db: its healthcheck failed/);
  });

  test('that could not start is told in the words of the container, without what changes from try to try', () => {
    const reason =
      'CannotStartContainerError: service call has been retried 3 time(s): RequestID: 415e6826-9d7a-4ef1-8000-0123456789ab, dial tcp 52.46.1.2:443: i/o timeout';
    const task: Task = {
      stopCode: 'TaskFailedToStart',
      stoppedReason: 'Task failed to start',
      containers: [{ name: 'web', reason }],
    };
    expect(ofTask(task)).toMatchObject({
      reason: 'ContainerNotStarted',
      message: 'CannotStartContainerError: service call has been retried: dial tcp: i/o timeout',
    });
  });

  test.each([
    'exec /usr/local/bin/node: exec format error',
    'standard_init_linux.go:228: exec user process caused: exec format error',
  ])('whose program is for another processor says so in its log alone: %s', (line) => {
    const task: Task = {
      stopCode: 'EssentialContainerExited',
      stoppedReason: 'Essential container in task exited',
      containers: [{ name: 'web', exitCode: 1 }],
    };
    const found = ofTask(task)!;
    expect(withLines(found, ['starting', line], 'X86_64')).toMatchObject({
      reason: 'ArchMismatch',
      message: expect.stringMatching(
        /not built for X86_64.*linux\/amd64.*set arch to ARM64; a script without/,
      ),
      container: 'web',
    });
    expect(withLines(found, ['my exec format error handler'], 'X86_64')).toEqual(found);
  });

  test('whose image has nothing for its processor says which one it runs on', () => {
    const reason =
      "CannotPullContainerError: image Manifest does not contain descriptor matching platform 'linux/amd64'";
    const task: Task = { stopCode: 'TaskFailedToStart', stoppedReason: reason };
    expect(ofTask(task)).toMatchObject({ reason: 'ArchMismatch', message: expect.stringMatching(/X86_64/) });
  });

  test('on Spot capacity that AWS takes back', () => {
    const stoppedReason = 'Your Spot Task was interrupted.';
    expect(ofTask({ stopCode: 'SpotInterruption', stoppedReason })?.reason).toBe('SpotInterrupted');
  });
});

test('what a registry has signed is told to nobody, and is the same from try to try', () => {
  const pull = (signature: string) =>
    `CannotPullContainerError: failed to copy: Get "https://layers.s3.example.com/ab/cd?X-Amz-Credential=K&X-Amz-Signature=${signature}": dial tcp 1.2.3.4:443: i/o timeout`;
  expect(lastingWords(pull('1f'))).toBe(lastingWords(pull('2e')));
  expect(lastingWords(pull('1f'))).toMatch(/"https:\/\/layers\.s3\.example\.com\/ab\/cd": dial tcp/);
});

describe('a task that ECS has not placed', () => {
  test.each([
    ['RESOURCE:FARGATE', 'CapacityExhausted', /no capacity/],
    ['Capacity is unavailable at this time. Please try again later', 'CapacityExhausted', /no capacity/],
    ['RESOURCE:ENI', 'CapacityExhausted', /no free address/],
    [
      "You've reached the limit on the number of vCPUs you can run concurrently",
      'CapacityExhausted',
      /quota/,
    ],
    ['Rate exceeded', 'CapacityExhausted', /how fast/],
    ['ECS was unable to assume the role', 'AccessDenied', /roles of the install/],
    ['CannotPullContainerError: repo/web:1: not found', 'ImageNotFound', /repo\/web:1/],
    ['ResourceInitializationError: unable to pull secrets', 'ContainerNotStarted', /unable to pull secrets/],
    ['the moon is full', 'PlacementFailed', /^AWS starts no task: the moon is full\.$/],
  ])('because of %s', (words, reason, message) => {
    expect(refused(words)).toMatchObject({ reason, message: expect.stringMatching(message) });
  });

  test('is no news any more once one was started, nor when an earlier rollout had no place', () => {
    const refusal = 'was unable to place a task. Reason: RESOURCE:FARGATE.';
    expect(ofEvents(refusal, 'has started 1 tasks: (task a).')).toBeUndefined();
    expect(ofEvents('has started 1 tasks: (task a).', refusal)?.reason).toBe('CapacityExhausted');
    const service: Service = { deployments, events: [{ message: refusal, createdAt: after(-60) }] };
    expect(diagnose({ service, arch, stopped: [], endpoints })).toBeUndefined();
  });

  test.each([
    ['RESOURCE:FARGATE', /no Spot capacity .* with capacity on_demand$/],
    [
      "You've reached the limit on the number of vCPUs you can run concurrently",
      /quota of Fargate Spot vCPUs/,
    ],
    ['RESOURCE:ENI', /^the subnets have no free address/],
  ])('on Spot because of %s is told the way out that only Spot has', (words, message) => {
    const onSpot = { capacityProviderStrategy: [{ capacityProvider: 'FARGATE_SPOT', weight: 1 }] };
    const found = saidOf(onSpot, `was unable to place a task. Reason: ${words}.`);
    expect(found).toMatchObject({ reason: 'CapacityExhausted', message: expect.stringMatching(message) });
  });
});

test("AWS's words keep what tells, and lose what is another each time", () => {
  expect(
    lastingWords('(task 0123456789abcdef0123456789abcdef) stopped at 2026-01-01T00:00:00.123Z by 10.0.0.1'),
  ).toBe('(task …) stopped at … by 10.0.0.1');
  const digest = `acme/web@sha256:${'ab'.repeat(32)} not found`;
  expect(lastingWords(digest)).toBe(digest);
  expect(lastingWords('read tcp 10.0.0.1:4711->52.1.1.1:443: reset')).toBe('read tcp: reset');
});
