import { spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { Laptop, ROOT, until } from './laptop-process.ts';
import { inspect, NOTHING, processesWith } from './world.ts';

const laptops: Laptop[] = [];

async function laptop(...args: Parameters<typeof Laptop.prepare>): Promise<Laptop> {
  const made = await Laptop.prepare(...args);
  laptops.push(made);
  return made;
}

afterEach(async () => {
  await Promise.all(laptops.splice(0).map((each) => each.dispose()));
});

const hours = (seconds: number) => seconds / 3600;

test('after kill -9 the live preview serves again under its URL, the expired one goes, and nothing strays', async () => {
  const tempus = await laptop();
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
}, 60_000);

test('killed at twenty moments of its life, a preview always ends with nothing left over', async () => {
  const tempus = await laptop();
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
}, 120_000);

test('Ctrl-C stops the tasks and keeps the records; the next start takes them up', async () => {
  const tempus = await laptop();
  await tempus.start();
  const view = await tempus.create({ ttl_hours: 1 });
  await tempus.reach(view.id, 'Ready');
  expect(await tempus.end('SIGINT')).toBe(0);
  expect(processesWith(`TEMPUS_PREVIEW_ID=${view.id}`)).toEqual([]);
  await tempus.start();
  expect(tempus.output).toContain('1 preview of an earlier run');
  await until('it serves again', async () => (await tempus.visit(view)).status === 200);
}, 60_000);

test('--fresh starts from nothing', async () => {
  const tempus = await laptop();
  await tempus.start();
  const view = await tempus.create({ ttl_hours: 1 });
  await tempus.reach(view.id, 'Ready');
  await tempus.end('SIGKILL');
  const fresh = await laptop({ home: tempus.home, args: ['--no-demo', '--fresh'] });
  await fresh.start();
  await expect(fresh.get(view.id)).rejects.toThrow('404');
  expect(await inspect(fresh)).toEqual(NOTHING);
}, 60_000);

test('a second start on the same home fails and names the running pid', async () => {
  const tempus = await laptop();
  await tempus.start();
  const second = await laptop({ home: tempus.home });
  const child = second.spawn();
  await once(child, 'exit');
  expect(child.exitCode).toBe(1);
  expect(second.output).toContain(`pid ${tempus.pid}`);
  expect((await tempus.create({ ttl_hours: 1 })).phase).toBe('Pending');
});

test('a taken port that was asked for fails and says what to do', async () => {
  const tempus = await laptop();
  const other = createServer().listen(tempus.ports.api, '127.0.0.1');
  await once(other, 'listening');
  const child = tempus.spawn();
  await once(child, 'exit');
  other.close();
  expect(child.exitCode).toBe(1);
  expect(tempus.output).toContain(`TEMPUS_API_PORT: port ${tempus.ports.api} is taken`);
});

test('a host other than loopback is refused, with every other mistake in one message', async () => {
  const tempus = await laptop({ env: { TEMPUS_HOST: '0.0.0.0', TEMPUS_ROUTING: 'both' } });
  const child = tempus.spawn();
  await once(child, 'exit');
  expect(child.exitCode).toBe(1);
  expect(tempus.output).toContain('TEMPUS_HOST');
  expect(tempus.output).toContain('TEMPUS_ROUTING');
});

test('the demo tells a whole life with its receipt', async () => {
  const tempus = await laptop({ args: [] });
  await tempus.start();
  await until('the receipt is printed', async () => tempus.output.includes('left over 0'), 70_000);
  const phases = ['Pending', 'Provisioning', 'Ready', 'Deleting', 'Deleted'];
  const told = phases.map((phase) => tempus.output.search(new RegExp(`\\d\\d:\\d\\d  ${phase}`)));
  expect(told.every((at) => at >= 0)).toBe(true);
  expect(told).toEqual(told.toSorted((a, b) => a - b));
  expect(tempus.output).toMatch(
    /created 6 resources, deleted 6, left over 0; on Fargate this would have cost \$0\.000\d/,
  );
}, 90_000);

test('the command line of the checkout previews the folder it is called from', async () => {
  const tempus = await laptop();
  await tempus.start();
  const run = (...args: string[]) =>
    spawnSync('npx', ['--no', 'tempus', ...args], {
      cwd: ROOT,
      encoding: 'utf8',
      env: { ...process.env, TEMPUS_SERVER: tempus.api },
    });
  const created = run('create', '--cmd', 'exec node examples/hello/server.mjs', '--wait', '--ttl', '1h');
  expect(created.stderr).toContain('Ready');
  expect(created.status).toBe(0);
  const id = /preview-([0-9a-f]{8})/.exec(created.stdout)?.[1] ?? '';
  expect(created.stdout.trim()).toBe(`http://preview-${id}.localhost:${tempus.ports.router}/`);
  expect((await tempus.visit({ id })).status).toBe(200);
  expect(join(ROOT)).toBe((await tempus.get(id)).spec.workdir);
  expect(run('rm', id, '--wait').status).toBe(0);
}, 60_000);
