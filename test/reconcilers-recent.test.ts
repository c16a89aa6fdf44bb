import { describe, expect, test } from 'vitest';
import { ClientException, InvalidParameterException } from '@aws-sdk/client-ecs';
import { TargetGroupNotFoundException } from '@aws-sdk/client-elastic-load-balancing-v2';
import { useReconciler } from './reconcile-world.ts';
import { IMAGES } from './sim/tasks.ts';

const aws = useReconciler();
const $metadata = {};
const cluster = 'tempus';

const made = (call: string) => aws.changes.filter((change) => change.call === call).length;

describe('what was made a moment ago, and no read shows yet', () => {
  test('a revision is not registered again at each look', async () => {
    const { id } = await aws.create();
    const message = 'The target group does not have an associated load balancer.';
    const begun = aws.clock.monotonic();
    const until = (ms: number) => aws.clock.monotonic() - begun < ms;
    aws.twists.set('createService', async (proceed) => {
      if (until(2_500)) throw new InvalidParameterException({ $metadata, message });
      return proceed();
    });
    // The family is there, and not yet for whoever reads.
    aws.twists.set('describeTaskDefinition', async (proceed) => {
      const answer = await proceed().catch((error: unknown) => error);
      if (answer instanceof Error || until(3_000)) throw answer instanceof Error ? answer : gone();
      return answer;
    });
    await aws.until(id, ({ phase }) => phase === 'Ready');
    expect(made('registerTaskDefinition')).toBe(1);
    expect(await aws.revisions()).toHaveLength(1);
  });

  test('a service that moves to other capacity is not deployed again at each look', async () => {
    const { id, spec } = await aws.ready();
    const before = await aws.service(id);
    aws.changes = [];
    const begun = aws.clock.monotonic();
    aws.twists.set('describeServices', async (proceed) =>
      aws.clock.monotonic() - begun < 4_000 ? { services: [before] } : proceed(),
    );
    await aws.edit(id, { spec: { ...spec, capacity: 'spot' } });
    await aws.until(id, ({ phase }) => phase === 'Updating');
    await aws.until(id, ({ phase }) => phase === 'Ready');
    expect(made('updateService')).toBe(1);
    expect((await aws.service(id))?.capacityProviderStrategy?.[0]?.capacityProvider).toBe('FARGATE_SPOT');
  });
});

describe('a target group that one read does not know', () => {
  const unknown = () =>
    new TargetGroupNotFoundException({ $metadata, message: 'One or more target groups not found' });

  test.each(['describeTags', 'describeTargetGroupAttributes'])(
    'is no reason to call what serves less than Ready: %s',
    async (call) => {
      const { id } = await aws.ready();
      aws.twists.set(call, async () => {
        aws.twists.delete(call);
        throw unknown();
      });
      expect(await aws.pass(id)).toMatchObject({ kind: 'fault', fault: { reason: 'NotVisible' } });
      expect(await aws.row(id)).toMatchObject({ phase: 'Ready' });
      expect((await aws.row(id)).status.last_error).toBeUndefined();
    },
  );

  test('has no question under way any more when its pass has ended', async () => {
    const { id } = await aws.ready();
    let open = 0;
    aws.twists.set('describeTags', async () => {
      throw unknown();
    });
    aws.twists.set('describeTargetGroupAttributes', async (proceed) => {
      open += 1;
      for (let n = 0; n < 5; n += 1) await Promise.resolve();
      const answer = await proceed();
      open -= 1;
      return answer;
    });
    await aws.pass(id);
    expect(open).toBe(0);
  });
});

describe('a program for another processor', () => {
  const LINE = 'exec /app: exec format error';
  const streamsWith = (lines: (asked: number) => string[]) => {
    const asked: string[] = [];
    aws.twists.set('getLogEvents', async (_proceed, input) => {
      const { logStreamName } = input as { logStreamName: string };
      if (!asked.includes(logStreamName)) asked.push(logStreamName);
      return { events: lines(asked.indexOf(logStreamName)).map((message) => ({ message })) };
    });
  };

  test('is found in the lines of the task before, where those of the last one are not there yet', async () => {
    streamsWith((stream) => (stream === 0 ? [] : [LINE]));
    const { id } = await aws.create({ image: IMAGES.crashing });
    const { status } = await aws.until(id, ({ phase }) => phase === 'Failed');
    expect(status.last_error).toMatchObject({ reason: 'ArchMismatch', logs: [LINE] });
    expect((await aws.said(id, 'Ready'))?.reason).toBe('ArchMismatch');
  });

  test('is found under a tag that has served before, and stays said', async () => {
    const { id } = await aws.ready();
    streamsWith(() => [LINE]);
    const exited = {
      taskArn: 'arn:aws:ecs:us-east-1:000000000000:task/tempus/1',
      taskDefinitionArn: (await aws.service(id))!.taskDefinition,
      stopCode: 'EssentialContainerExited',
      stoppedReason: 'Essential container in task exited',
      stoppedAt: new Date(),
      containers: [{ name: 'app', exitCode: 1 }],
    };
    aws.twists.set('listTasks', async () => ({ taskArns: [exited.taskArn] }));
    aws.twists.set('describeTasks', async () => ({ tasks: [exited] }));
    aws.twists.set('describeTargetHealth', async () => ({ TargetHealthDescriptions: [] }));
    for (let n = 0; n < 3; n += 1) {
      await aws.pass(id);
      expect(await aws.row(id)).toMatchObject({
        phase: 'Degraded',
        status: { last_error: { reason: 'ArchMismatch' } },
      });
      expect((await aws.said(id, 'Ready'))?.reason).toBe('ArchMismatch');
    }
    expect((await aws.ecs.listServices({ cluster })).serviceArns).toHaveLength(1);
  });
});

function gone(): ClientException {
  return new ClientException({ $metadata, message: 'Unable to describe task definition.' });
}
