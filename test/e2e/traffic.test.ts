import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PreviewView } from '../../preview/view.ts';
import { Laptop, until } from './laptop-process.ts';
import { inspect, NOTHING } from './world.ts';

let laptop: Laptop;
let app: string;

/** Streams in both directions, and obeys SIGTERM at once, as an app under a container engine often does. */
const SERVER = `
import { createServer } from 'node:http';
createServer(async (request, response) => {
  if (request.url === '/events') {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    let n = 0;
    const timer = setInterval(() => response.write('data: ' + n++ + '\\n\\n'), 100);
    request.on('close', () => { clearInterval(timer); console.log('listener gone'); });
  } else if (request.url === '/slow') {
    response.writeHead(200, { 'content-length': '1000000' });
    setInterval(() => response.write('x'.repeat(100)), 50);
  } else if (request.url === '/brief') {
    setTimeout(() => response.end('done'), 600);
  } else {
    let bytes = 0;
    for await (const chunk of request) bytes += chunk.length;
    response.end(String(bytes));
  }
}).listen(process.env.PORT, '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
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

async function served(): Promise<PreviewView> {
  const created = await laptop.create({ command: ['node', 'server.mjs'], workdir: app, ttl_hours: 1 });
  return laptop.reach(created.id, 'Ready');
}

function open({ id }: PreviewView, path: string, method = 'GET') {
  const { router } = laptop.ports;
  const host = `preview-${id}.localhost:${router}`;
  return request({ host: '127.0.0.1', port: router, path, method, headers: { host }, agent: false });
}

async function answered(asked: ReturnType<typeof request>): Promise<IncomingMessage> {
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  return response;
}

const rssOf = (pid: number) =>
  Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / 1024;

test('server-sent events arrive one by one, and a listener who goes is gone at the preview too', async () => {
  const view = await served();
  const asked = open(view, '/events');
  asked.end();
  const response = await answered(asked);
  const parts: string[] = [];
  response.setEncoding('utf8').on('data', (part: string) => parts.push(part));
  await until('three events', async () => parts.length >= 3);
  expect(parts.slice(0, 3)).toEqual(['data: 0\n\n', 'data: 1\n\n', 'data: 2\n\n']);
  asked.on('error', () => undefined).destroy();
  await until('the end at the preview', async () => {
    const logs = await fetch(`${laptop.api}/preview/${view.id}/logs`);
    return (await logs.text()).includes('listener gone');
  });
});

test('an upload of 100 MB passes through, and stays nowhere on its way', async () => {
  const view = await served();
  const before = rssOf(laptop.pid);
  const asked = open(view, '/', 'POST');
  const chunk = Buffer.alloc(1_000_000);
  const response = answered(asked);
  let most = before;
  for (let n = 0; n < 100; n += 1) {
    if (!asked.write(chunk)) await once(asked, 'drain');
    if (n % 10 === 0) most = Math.max(most, rssOf(laptop.pid));
  }
  asked.end();
  const text = (await (await response).setEncoding('utf8').toArray()).join('');
  expect(text).toBe('100000000');
  expect(most - before).toBeLessThan(60);
});

test('a preview that is deleted lets a brief request finish, cuts an endless one, and is not held up by it', async () => {
  const view = await served();
  const slow = open(view, '/slow');
  slow.end();
  const endless = await answered(slow);
  endless.resume();
  const cut = new Promise<string>((resolve) => {
    endless.on('error', (error) => resolve(error.message));
    endless.on('end', () => resolve('ended as if it were whole'));
  });
  const brief = open(view, '/brief');
  brief.end();
  const finished = answered(brief);
  await laptop.delete(view.id);
  const text = (await (await finished).setEncoding('utf8').toArray()).join('');
  expect(text).toBe('done');
  expect(await cut).toBe('aborted');
  const gone = await laptop.reach(view.id, 'Deleted', 20_000);
  expect(gone.receipt.left_over).toBe(0);
});

test('in the end nothing is left', async () => {
  const listed = (await (await fetch(`${laptop.api}/previews`)).json()) as { items: PreviewView[] };
  for (const { id } of listed.items) {
    await laptop.delete(id);
    await laptop.reach(id, 'Deleted', 20_000);
  }
  expect(await inspect(laptop)).toEqual(NOTHING);
});
