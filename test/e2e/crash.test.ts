import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { join } from 'node:path';
import { expect, test, type TestContext } from 'vitest';
import { Laptop, type LaptopOptions, ROOT, until } from './laptop-process.ts';
import { inspect, NOTHING, processesWith } from './world.ts';

/** A laptop mode of a test's own, which goes with the test, whatever becomes of it. */
async function laptop({ onTestFinished }: Pick<TestContext, 'onTestFinished'>, options?: LaptopOptions) {
  const made = await Laptop.prepare(options);
  onTestFinished(() => made.dispose());
  return made;
}

/** The command as the README has it, from the folder of the checkout. */
async function tempusCommand(server: string, args: string[]) {
  const child = spawn('npx', ['--no', 'tempus', ...args], {
    cwd: ROOT,
    env: { ...process.env, TEMPUS_SERVER: server },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { status: child.exitCode, stdout, stderr };
}

const hours = (seconds: number) => seconds / 3600;

test.concurrent(
  'after kill -9 the live preview serves again under its URL, the expired one goes, and nothing strays',
  async (context) => {
    const tempus = await laptop(context);
    await tempus.start();
    const lives = await tempus.create({ ttl_hours: 1 });
    const expires = await tempus.create({ ttl_hours: hours(10) });
    await Promise.all([tempus.reach(lives.id, 'Ready'), tempus.reach(expires.id, 'Ready')]);

    await tempus.end('SIGKILL');
    await until(
      'no task outlives the kill',
      async () => processesWith(`TEMPUS_PREVIEW_ID=${lives.id}`).length === 0,
    );

    await tempus.start();
    const back = await until('it serves again', async () => {
      const reply = await tempus.visit(lives);
      return reply.status === 200 && reply;
    });
    expect(back.text).toContain(lives.id);
    const gone = await tempus.reach(expires.id, 'Deleted', 30_000);
    expect(gone.receipt.left_over).toBe(0);
    await tempus.delete(lives.id);
    await tempus.reach(lives.id, 'Deleted');
    expect(await inspect(tempus)).toEqual(NOTHING);
  },
  60_000,
);

test.concurrent(
  'killed at thirteen moments of its life, a preview always ends with nothing left over',
  async (context) => {
    const tempus = await laptop(context);
    await tempus.start();
    const created = await tempus.create({ ttl_hours: hours(20) });
    for (const wait of [20, 60, 120, 200, 300, 450, 650, 900]) {
      await new Promise((resolve) => setTimeout(resolve, wait));
      await tempus.end('SIGKILL');
      await tempus.start();
    }
    await tempus.delete(created.id);
    for (const wait of [10, 50, 150, 300, 500]) {
      await new Promise((resolve) => setTimeout(resolve, wait));
      await tempus.end('SIGKILL');
      await tempus.start();
    }
    const gone = await tempus.reach(created.id, 'Deleted', 30_000);
    expect(gone.receipt.left_over).toBe(0);
    expect(gone.receipt.deleted).toBe(gone.receipt.created);
    expect(await inspect(tempus)).toEqual(NOTHING);
    expect(processesWith(`TEMPUS_PREVIEW_ID=${created.id}`)).toEqual([]);
  },
  120_000,
);

test.concurrent(
  'Ctrl-C stops the tasks and keeps the records; the next start takes them up',
  async (context) => {
    const tempus = await laptop(context);
    await tempus.start();
    const view = await tempus.create({ ttl_hours: 1 });
    await tempus.reach(view.id, 'Ready');
    expect(await tempus.end('SIGINT')).toBe(0);
    expect(processesWith(`TEMPUS_PREVIEW_ID=${view.id}`)).toEqual([]);
    await tempus.start();
    await until('it is told', async () => tempus.output.includes('1 preview of an earlier run'));
    await until('it serves again', async () => (await tempus.visit(view)).status === 200);
  },
  60_000,
);

test.concurrent(
  '--fresh starts from nothing',
  async (context) => {
    const tempus = await laptop(context);
    await tempus.start();
    const view = await tempus.create({ ttl_hours: 1 });
    await tempus.reach(view.id, 'Ready');
    await tempus.end('SIGKILL');
    const fresh = await laptop(context, { home: tempus.home, args: ['--no-demo', '--fresh'] });
    await fresh.start();
    await expect(fresh.get(view.id)).rejects.toThrow('404');
    expect(await inspect(fresh)).toEqual(NOTHING);
  },
  60_000,
);

test.concurrent('a second start on the same home fails and names the running pid', async (context) => {
  const tempus = await laptop(context);
  await tempus.start();
  const second = await laptop(context, { home: tempus.home });
  const child = second.spawn();
  await once(child, 'exit');
  expect(child.exitCode).toBe(1);
  expect(second.output).toContain(`pid ${tempus.pid}`);
  expect((await tempus.create({ ttl_hours: 1 })).phase).toBe('Pending');
});

test.concurrent('a taken port that was asked for fails and says what to do', async (context) => {
  const tempus = await laptop(context);
  const other = createServer().listen(tempus.ports.api, '127.0.0.1');
  await once(other, 'listening');
  const child = tempus.spawn();
  await once(child, 'exit');
  other.close();
  expect(child.exitCode).toBe(1);
  expect(tempus.output).toContain(`TEMPUS_API_PORT: port ${tempus.ports.api} is taken`);
});

test.concurrent(
  'a host other than loopback is refused, with every other mistake in one message',
  async (context) => {
    const tempus = await laptop(context, { env: { TEMPUS_HOST: '0.0.0.0', TEMPUS_ROUTING: 'both' } });
    const child = tempus.spawn();
    await once(child, 'exit');
    expect(child.exitCode).toBe(1);
    expect(tempus.output).toContain('TEMPUS_HOST');
    expect(tempus.output).toContain('TEMPUS_ROUTING');
  },
);

test.concurrent(
  'the demo tells a whole life with its receipt',
  async (context) => {
    const tempus = await laptop(context, { args: [] });
    await tempus.start();
    await until('the receipt is printed', async () => tempus.output.includes('left over 0'), 70_000);
    const phases = ['Pending', 'Provisioning', 'Ready', 'Deleting', 'Deleted'];
    const told = phases.map((phase) => tempus.output.search(new RegExp(`\\d\\d:\\d\\d  ${phase}`)));
    expect(told.every((at) => at >= 0)).toBe(true);
    expect(told).toEqual(told.toSorted((a, b) => a - b));
    expect(tempus.output).toMatch(
      /created 6 resources, deleted 6, left over 0; on Fargate this would have cost \$0\.000\d/,
    );
  },
  90_000,
);

test.concurrent(
  'the command line of the checkout previews the folder it is called from',
  async (context) => {
    const tempus = await laptop(context);
    await tempus.start();
    const run = (...args: string[]) => tempusCommand(tempus.api, args);
    const created = await run(
      'create',
      '--cmd',
      'exec node examples/hello/server.mjs',
      '--wait',
      '--ttl',
      '1h',
    );
    expect(created.stderr).toContain('Ready');
    expect(created.status).toBe(0);
    const id = /preview-([0-9a-f]{8})/.exec(created.stdout)?.[1] ?? '';
    expect(created.stdout.trim()).toBe(`http://preview-${id}.localhost:${tempus.ports.router}/`);
    expect((await tempus.visit({ id })).status).toBe(200);
    expect(join(ROOT)).toBe((await tempus.get(id)).spec.workdir);
    expect((await run('rm', id, '--wait')).status).toBe(0);
  },
  60_000,
);
