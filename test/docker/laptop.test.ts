import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { once } from 'node:events';
import { afterAll, beforeAll, expect } from 'vitest';
import { NAMES } from '../../laptop/infrastructure.ts';
import { resourceName } from '../../preview/names.ts';
import { Laptop, ROOT, until } from '../e2e/laptop-process.ts';
import { clientsOf, inspect, standingOf } from '../e2e/world.ts';
import { clearInstall, describeDocker, standingOn } from './engine.ts';
import { busyboxImage, foreignImage, nodeImage } from './images.ts';

const hours = (seconds: number) => seconds / 3600;

/** What marks this laptop mode's containers. */
function installOf(laptop: Laptop): string {
  return (JSON.parse(readFileSync(join(laptop.home, 'install.json'), 'utf8')) as { install: string }).install;
}

async function dispose(laptop: Laptop): Promise<void> {
  await laptop.end('SIGKILL');
  if (existsSync(join(laptop.home, 'install.json'))) clearInstall(installOf(laptop));
  await laptop.dispose();
}

describeDocker('laptop mode with Docker', (test) => {
  let laptop: Laptop;
  let busybox: string;
  let node: string;

  beforeAll(async () => {
    busybox = busyboxImage();
    node = nodeImage(join(ROOT, 'examples/hello/server.mjs'), 'hello');
    laptop = await Laptop.start({ env: { TEMPUS_RUNTIME: 'auto' } });
  }, 180_000);

  afterAll(() => dispose(laptop));

  const busyboxPreview = (script: string, more: object = {}) =>
    laptop.create({ image: busybox, command: ['sh', '-c', script], ttl_hours: 1, ...more });
  const serve = (text: string) =>
    `mkdir -p /www; echo ${text} > /www/index.html; exec httpd -f -p $PORT -h /www`;
  const failsAs = async (id: string, reason: string) => {
    const failed = await laptop.reach(id, 'Failed', 80_000);
    expect(failed.last_error).toMatchObject({ reason });
    return failed.last_error;
  };
  const containersOf = async (id: string) => {
    const clients = clientsOf(laptop);
    const { taskArns = [] } = await clients.ecs.listTasks({
      cluster: NAMES.cluster,
      serviceName: resourceName(id),
    });
    clients.destroy();
    const tasks = taskArns.map((arn) => arn.split('/').at(-1) ?? '');
    return standingOn(installOf(laptop)).filter((name) => tasks.some((task) => name.includes(task)));
  };

  test.concurrent('an image built from scratch lives, serves, is updated in place and expires', async () => {
    const created = await laptop.create({ image: node, env: { COLOR: 'red' }, ttl_hours: hours(40) });
    await laptop.reach(created.id, 'Ready');
    expect((await laptop.visit(created)).text).toContain(created.id);
    const before = await containersOf(created.id);
    expect(before).toHaveLength(2);

    const clients = clientsOf(laptop);
    await clients.document.update({
      TableName: NAMES.previews,
      Key: { id: created.id },
      UpdateExpression: 'SET #spec.#env = :env',
      ExpressionAttributeNames: { '#spec': 'spec', '#env': 'env' },
      ExpressionAttributeValues: { ':env': { COLOR: 'teal' } },
    });
    clients.destroy();
    const after = await until('the new revision runs alone', async () => {
      const running = await containersOf(created.id);
      const { phase } = await laptop.get(created.id);
      const replaced = running.length === 2 && !running.some((name) => before.includes(name));
      return phase === 'Ready' && replaced && running;
    });
    expect((await laptop.visit(created)).status).toBe(200);

    const gone = await laptop.reach(created.id, 'Deleted', 80_000);
    expect(gone.deletion).toMatchObject({ reason: 'Expired' });
    expect(gone.receipt.left_over).toBe(0);
    expect(standingOf(await inspect(laptop), created.id)).toEqual([]);
    const left = standingOn(installOf(laptop)).filter(
      (name) => before.includes(name) || after.includes(name),
    );
    expect(left).toEqual([]);
  });

  test.concurrent('commands of this machine and images live side by side', async () => {
    const [image, command] = await Promise.all([
      busyboxPreview(serve('from-an-image')),
      laptop.create({ ttl_hours: 1 }),
    ]);
    await laptop.reach(image.id, 'Ready');
    await laptop.reach(command.id, 'Ready');
    expect((await laptop.visit(image)).text).toBe('from-an-image\n');
    expect((await laptop.visit(command)).text).toContain(command.id);
    await laptop.delete(image.id);
    await laptop.delete(command.id);
  });

  test.concurrent(
    'the containers of a preview share localhost, and one waits until the other is healthy',
    async () => {
      const page = 'wget -q -O /dev/null http://127.0.0.1:5000/';
      const fetched = 'mkdir /www; wget -q -O /www/index.html http://127.0.0.1:5000/';
      const created = await laptop.create({
        ttl_hours: 1,
        containers: [
          {
            name: 'web',
            image: busybox,
            command: `${fetched}; exec httpd -f -p $PORT -h /www`,
            port: 8080,
            public: true,
            depends_on: { data: 'healthy' },
          },
          {
            name: 'data',
            image: busybox,
            command: `sleep 1; ${serve('kept-by-data')}`,
            port: 5000,
            healthcheck: { command: ['CMD-SHELL', page], interval_s: 5, timeout_s: 2 },
          },
        ],
      });
      await laptop.reach(created.id, 'Ready', 80_000);
      expect((await laptop.visit(created)).text).toBe('kept-by-data\n');
      expect(await containersOf(created.id)).toHaveLength(3);
      await laptop.delete(created.id);
      expect((await laptop.reach(created.id, 'Deleted')).receipt.left_over).toBe(0);
    },
  );

  test.concurrent(
    'an image that exits at once ends as Failed, with its code and its last lines',
    async () => {
      const created = await busyboxPreview('echo no such database >&2; exit 3');
      const error = await failsAs(created.id, 'ContainerExited');
      expect(error?.message).toContain('3');
      expect(error?.logs).toContain('no such database');
    },
  );

  test.concurrent('an image that listens on another port ends as PortNotOpen', async () => {
    const created = await busyboxPreview('exec httpd -f -p 9999');
    await failsAs(created.id, 'PortNotOpen');
  });

  test.concurrent('an image for another processor ends as ArchMismatch', async () => {
    const created = await laptop.create({ image: foreignImage(), ttl_hours: 1 });
    await failsAs(created.id, 'ArchMismatch');
  });

  test.concurrent('an image that cannot be pulled and a command that is not there say so', async () => {
    const unknown = await laptop.create({ image: '127.0.0.1:9/no/such:image', ttl_hours: 1 });
    const command = await laptop.create({ image: busybox, command: ['no-such-command'], ttl_hours: 1 });
    await failsAs(unknown.id, 'ImagePullFailed');
    const error = await failsAs(command.id, 'ContainerNotStarted');
    expect(error?.message).toContain('no-such-command');
  });

  test.concurrent(
    'a preview that fills its memory ends as OutOfMemory, while its neighbour answers',
    async () => {
      const neighbour = await busyboxPreview(serve('unharmed'));
      await laptop.reach(neighbour.id, 'Ready');
      const greedy = await busyboxPreview('sleep 1; exec dd if=/dev/zero of=/dev/null bs=700M');
      let answers = 0;
      await until(
        'the greedy one has failed',
        async () => {
          expect((await laptop.visit(neighbour)).text).toBe('unharmed\n');
          answers += 1;
          return (await laptop.get(greedy.id)).phase === 'Failed';
        },
        80_000,
      );
      expect(answers).toBeGreaterThan(10);
      await failsAs(greedy.id, 'OutOfMemory');
      expect((await laptop.get(neighbour.id)).phase).toBe('Ready');
    },
  );
});

describeDocker('laptop mode with Docker, killed', (test) => {
  test('the next start serves again, with no container doubled and none left over', async (context) => {
    const laptop = await Laptop.start({ env: { TEMPUS_RUNTIME: 'docker' } });
    context.onTestFinished(() => dispose(laptop));
    const install = installOf(laptop);
    const image = busyboxImage();
    const created = await laptop.create({ image, ttl_hours: 1 });
    await laptop.reach(created.id, 'Ready');
    const before = standingOn(install);
    expect(before).toHaveLength(3);

    await laptop.end('SIGKILL');
    expect(standingOn(install)).toEqual(before);
    await laptop.start();
    await until('it serves again', async () => (await laptop.visit(created)).text === 'hello\n');
    await until('what was left is gone', async () => standingOn(install).length === 3);
    expect(standingOn(install).filter((name) => before.includes(name))).toEqual([`tempus-${install}`]);

    const refused = await laptop.create({ command: 'true', ttl_hours: 1 });
    const failed = await laptop.reach(refused.id, 'Failed', 80_000);
    expect(failed.last_error?.message).toContain('TEMPUS_RUNTIME=docker');

    await laptop.end('SIGINT');
    expect(standingOn(install)).toEqual([]);
  });

  test('without an engine, TEMPUS_RUNTIME=docker does not start and says what to do', async (context) => {
    const env = { TEMPUS_RUNTIME: 'docker', DOCKER_HOST: 'unix:///no/engine.sock' };
    const laptop = await Laptop.prepare({ env });
    context.onTestFinished(() => dispose(laptop));
    const child = laptop.spawn();
    await once(child, 'close');
    expect(child.exitCode).toBe(1);
    expect(laptop.output).toContain('TEMPUS_RUNTIME=docker, and no Docker engine answers');
    expect(laptop.output).toContain('Start Docker');
  });
});
