import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freePort } from './e2e/laptop-process.ts';

const APP = resolve(import.meta.dirname, '../examples/hello/server.mjs');
const PREVIEW = {
  TEMPUS_PREVIEW_ID: '550e8400',
  TEMPUS_REVISION: '<b>3</b>',
  TEMPUS_EXPIRES_AT: '2030-01-01T14:00:00Z',
};

let app: ChildProcess;
let port: number;
let output: string;

beforeEach(async () => {
  port = await freePort();
  output = '';
  app = spawn(process.execPath, [APP], {
    env: { ...PREVIEW, PORT: String(port), HOST: '127.0.0.1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  app.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  if (app.stdout) await once(app.stdout, 'data');
});

afterEach(() => {
  app.kill('SIGKILL');
});

/** The path goes out as it is written; fetch would tidy it first. */
async function ask(path: string, headers: Record<string, string> = {}) {
  const sent = request({ host: '127.0.0.1', port, path, headers, agent: false }).end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return { status: response.statusCode, type: response.headers['content-type'], body: await text(response) };
}

test('the page shows id, revision and end, escaped, and asks nobody else for anything', async () => {
  const { status, type, body } = await ask('/?from=mail');
  expect(status).toBe(200);
  expect(type).toContain('text/html');
  for (const part of ['550e8400', '&#60;b&#62;3&#60;/b&#62;', '2030-01-01T14:00:00Z', '<html lang="en">'])
    expect(body).toContain(part);
  const links = [...body.matchAll(/(?:href|src)="?([^" >]+)/g)].map(([, link]) => link);
  expect(links).not.toEqual([]);
  for (const link of links) expect(link).not.toMatch(/^(\/|https?:)/);
});

test('health and JSON answer on their own paths, anything else is 404', async () => {
  expect(await ask('/healthz')).toMatchObject({ status: 200, body: 'ok\n' });
  expect(JSON.parse((await ask('/api')).body)).toEqual({
    preview_id: '550e8400',
    revision: '<b>3</b>',
    expires_at: '2030-01-01T14:00:00Z',
  });
  for (const path of ['/none', '//', '/constructor', '/%']) expect((await ask(path)).status).toBe(404);
  expect(app.exitCode).toBeNull();
});

test('it logs one line for a request, and none for a health check', async () => {
  await ask('/healthz', { 'user-agent': 'ELB-HealthChecker/2.0' });
  await ask('/api');
  await expect.poll(() => output).toContain('GET /api\n');
  expect(output).not.toContain('/healthz');
});

test('SIGTERM ends it at once, also while a connection is open', async () => {
  const held = request({ host: '127.0.0.1', port, path: '/', headers: { connection: 'keep-alive' } });
  held.on('error', () => undefined);
  held.end();
  await once(held, 'response');
  const ended = once(app, 'exit');
  app.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
});
