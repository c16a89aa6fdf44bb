import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask, freePort, Laptop, until } from './laptop-process.ts';
import { inspect, NOTHING, processesWith } from './world.ts';

let laptop: Laptop;
let app: string;

/** Answers with its name, and with what its neighbour says, if it has one. */
const SERVER = `
import { createServer } from 'node:http';
const { NAME, PORT, PORT_DB } = process.env;
createServer(async (request, response) => {
  const behind = NAME === 'db' ? '' : ' < ' + (await fetch('http://127.0.0.1:' + PORT_DB).then((r) => r.text(), () => 'nobody'));
  response.end(NAME + behind);
}).listen(PORT, '127.0.0.1', () => console.log(NAME + ' is up'));
`;

beforeAll(async () => {
  laptop = await Laptop.start();
  app = mkdtempSync(join(tmpdir(), 'tempus-app-'));
  writeFileSync(join(app, 'server.mjs'), SERVER);
});

afterAll(async () => {
  await laptop.dispose();
  rmSync(app, { recursive: true, force: true });
});

const container = async (name: string, more: object = {}) => ({
  name,
  command: ['node', 'server.mjs'],
  workdir: app,
  port: await freePort(),
  env: { NAME: name },
  ...more,
});

const visit = (label: string) =>
  ask(`http://127.0.0.1:${laptop.ports.router}/`, { host: `${label}.localhost:${laptop.ports.router}` });

test('a web server, an API and a database share localhost, each public one has an address, and all go as one', async () => {
  const script = `fetch("http://127.0.0.1:" + process.env.PORT).catch(() => process.exit(1))`;
  const check = ['CMD-SHELL', `node -e '${script}'`];
  const db = await container('db', { healthcheck: { command: check } });
  const view = await laptop.create({
    ttl_hours: 1,
    containers: [
      await container('web', { public: true, depends_on: { db: 'healthy' } }),
      await container('api', { public: 'api', depends_on: { db: 'started' } }),
      db,
    ],
  });
  const ready = await laptop.reach(view.id, 'Ready', 60_000);
  expect(ready.urls).toHaveLength(4);
  expect((await visit(`preview-${view.id}`)).text).toBe('web < db');
  expect((await visit(`preview-${view.id}-api`)).text).toBe('api < db');
  const byPath = await ask(`http://127.0.0.1:${laptop.ports.router}/preview-${view.id}-api/`);
  expect(byPath.text).toBe('api < db');
  expect((await visit(`preview-${view.id}-db`)).status).toBe(404);
  const logs = await ask(`${laptop.api}/preview/${view.id}/logs`);
  expect(logs.text.trim().split('\n').toSorted()).toEqual([
    'api | api is up',
    'db | db is up',
    'web | web is up',
  ]);

  await laptop.delete(view.id);
  const gone = await laptop.reach(view.id, 'Deleted');
  expect(gone.receipt).toMatchObject({ created: 9, deleted: 9, left_over: 0 });
  expect(await inspect(laptop)).toEqual(NOTHING);
  await until('the end of every process', async () => processesWith(app).length === 0);
}, 120_000);

test('a database that crashes ends the preview with its own name and last words', async () => {
  const command = ['node', '-e', 'console.log("disk is full"); process.exit(3)'];
  // On a busy machine the web server would else be healthy before its database has crashed, and the rollout over.
  const healthcheck = { command: ['CMD-SHELL', 'exit 1'] };
  const view = await laptop.create({
    ttl_hours: 1,
    containers: [
      await container('web', { public: true, depends_on: { db: 'healthy' } }),
      await container('db', { command, healthcheck }),
    ],
  });
  const failed = await laptop.reach(view.id, 'Failed', 60_000);
  expect(failed.last_error).toMatchObject({ reason: 'ContainerExited', logs: ['disk is full'] });
  expect(failed.last_error?.message).toBe('container db: the command ended by itself with exit code 3');
  await laptop.delete(view.id);
  await laptop.reach(view.id, 'Deleted');
}, 120_000);
