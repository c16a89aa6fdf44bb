import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { PreviewView } from '../../preview/view.ts';
import { hasBrowser, startBrowser } from './browser.ts';
import { Laptop, ROOT, until } from './laptop-process.ts';
import { edit } from './operator.ts';
import { inspect, NOTHING, processesWith, standingOf } from './world.ts';

/** Programs from npm that nobody here wrote, run as their own documentation says. */
const PROGRAMS = {
  sirv: join(ROOT, 'node_modules/sirv-cli/bin.js'),
  livereload: join(ROOT, 'node_modules/livereload/bin/livereload.js'),
  vite: join(ROOT, 'node_modules/vite/bin/vite.js'),
} as const;

/** Long enough for three previews at once on two cores. */
const WHOLE_LIFE_MS = 120_000;

let laptop: Laptop;
let projects: string;

beforeAll(async () => {
  laptop = await Laptop.start();
  projects = mkdtempSync(join(tmpdir(), 'tempus-third-party-'));
});

afterAll(async () => {
  await laptop.dispose();
  rmSync(projects, { recursive: true, force: true });
});

/** A folder of somebody's project, with these files in it. */
function project(name: string, files: Record<string, string>): string {
  const folder = join(projects, name);
  mkdirSync(folder);
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  return folder;
}

async function ready(body: { command: string; workdir: string; [field: string]: unknown }) {
  const { id } = await laptop.create({ ttl_hours: 1, ...body });
  return laptop.reach(id, 'Ready');
}

async function updated(id: string, field: 'command' | 'env', value: unknown): Promise<void> {
  await edit(laptop, id, ['spec', field], value);
  await until('the edit is rolled out', async () => {
    const view = await laptop.get(id);
    return view.phase === 'Ready' && view.conditions.every(({ status }) => status === 'True');
  });
}

/** Lets its time run out, and demands that nothing of it is left. */
async function expires({ id }: Pick<PreviewView, 'id'>): Promise<void> {
  await edit(laptop, id, ['expires_at'], `${new Date(Date.now() + 1_000).toISOString().slice(0, 19)}Z`);
  const gone = await laptop.reach(id, 'Deleted');
  expect(gone.deletion?.reason).toBe('Expired');
  expect(gone.receipt.left_over).toBe(0);
  expect(gone.receipt.deleted).toBe(gone.receipt.created);
  expect(standingOf(await inspect(laptop), id)).toEqual([]);
  expect(processesWith(`TEMPUS_PREVIEW_ID=${id}`)).toEqual([]);
  expect((await laptop.visit({ id })).status).toBe(404);
}

const shell = (command: string) => ['/bin/sh', '-c', command];

test.concurrent(
  'an HTTP server from npm is served, updated in place, and gone when its time is up',
  async () => {
    const workdir = project('static', { 'index.html': '<h1>plain</h1>', 'data.txt': 'x'.repeat(300_000) });
    mkdirSync(join(workdir, 'next'));
    writeFileSync(join(workdir, 'next/index.html'), '<h1>the next one</h1>');
    const serve = (folder: string) => `node ${PROGRAMS.sirv} ${folder} --host 127.0.0.1 --port $PORT`;
    const preview = await ready({ command: serve('.'), workdir });

    const page = await laptop.visit(preview);
    expect(page.status).toBe(200);
    expect(page.headers['content-type']).toContain('text/html');
    expect(page.text).toBe('<h1>plain</h1>');
    expect((await laptop.visit(preview, '/data.txt')).text).toHaveLength(300_000);
    expect((await laptop.visit(preview, '/none')).status).toBe(404);

    await updated(preview.id, 'command', shell(serve('next')));
    await until('the next page serves', async () => (await laptop.visit(preview)).text.includes('next one'));
    await expires(preview);
  },
  WHOLE_LIFE_MS,
);

interface Message {
  command: string;
  path?: string;
  serverName?: string;
}

/** A client of the LiveReload protocol, through the load balancer at the preview's own host. */
async function liveReload({ id }: Pick<PreviewView, 'id'>): Promise<{
  socket: WebSocket;
  heard: Message[];
}> {
  const { router } = laptop.ports;
  const heard: Message[] = [];
  const socket = new WebSocket(`ws://127.0.0.1:${router}/livereload`, {
    headers: { host: `preview-${id}.localhost:${router}` },
  });
  socket.on('message', (data: Buffer) => heard.push(JSON.parse(data.toString()) as Message));
  await once(socket, 'open');
  const protocols = ['http://livereload.com/protocols/official-7'];
  socket.send(JSON.stringify({ command: 'hello', protocols }));
  await until('the handshake', async () => heard.some(({ command }) => command === 'hello'));
  return { socket, heard };
}

test.concurrent(
  'a WebSocket server from npm exchanges messages through the load balancer, and an update ends its sockets',
  async () => {
    const workdir = project('watched', { 'page.html': '1', 'notes.txt': '1' });
    const watch = (exts: string) =>
      `node ${PROGRAMS.livereload} . --bind 127.0.0.1 --port $PORT --exts ${exts}`;
    // It answers nothing but its client script, and leaves every other request without an answer.
    const preview = await ready({ command: watch('html'), workdir, health_path: '/livereload.js' });
    expect((await laptop.visit(preview, '/livereload.js')).text).toContain('LiveReload');

    const before = await liveReload(preview);
    expect(before.heard[0]?.serverName).toBe('node-livereload');
    await until('a change of the page is told', async () => {
      writeFileSync(join(workdir, 'page.html'), String(performance.now()));
      return before.heard.some(({ command, path }) => command === 'reload' && path?.endsWith('page.html'));
    });

    const ended = once(before.socket, 'close');
    await updated(preview.id, 'command', shell(watch('txt')));
    await ended;
    const after = await liveReload(preview);
    await until('a change of the notes is told', async () => {
      writeFileSync(join(workdir, 'page.html'), String(performance.now()));
      writeFileSync(join(workdir, 'notes.txt'), String(performance.now()));
      return after.heard.some(({ path }) => path?.endsWith('notes.txt'));
    });
    expect(after.heard.some(({ path }) => path?.endsWith('page.html'))).toBe(false);

    const closed = once(after.socket, 'close');
    await expires(preview);
    await closed;
  },
  WHOLE_LIFE_MS,
);

const INDEX = `<!doctype html>
<title>a project</title>
<link rel="icon" href="data:,">
<h1 id="word"></h1>
<script type="module" src="/main.js"></script>
`;
const MAIN = `import './style.css';
document.getElementById('word').textContent = import.meta.env.VITE_WORD ?? 'none';
`;
const style = (color: string) => `h1 { color: ${color}; }\n`;

(hasBrowser() ? test.concurrent : test.skip)(
  'a browser has the edits of a Vite project hot through the load balancer, and follows an update by itself',
  async ({ onTestFinished }: { onTestFinished: (end: () => Promise<void>) => void }) => {
    const workdir = project('vite', {
      'index.html': INDEX,
      'main.js': MAIN,
      'style.css': style('rgb(1, 2, 3)'),
    });
    const command = `node ${PROGRAMS.vite} --host 127.0.0.1 --port $PORT --strictPort`;
    const preview = await ready({ command, workdir, env: { VITE_WORD: 'first' } });
    const browser = await startBrowser();
    onTestFinished(() => browser.close());
    const page = await browser.newPage();
    const sockets: string[] = [];
    page.on('websocket', (socket) => sockets.push(new URL(socket.url()).host));
    await page.goto(preview.preview_url);
    const word = () => page.locator('#word').textContent();
    const color = () => page.evaluate<string>(`getComputedStyle(document.getElementById('word')).color`);
    await until('the page is styled', async () => (await color()) === 'rgb(1, 2, 3)');
    expect(await word()).toBe('first');

    await page.evaluate(`globalThis.sameDocument = true`);
    // Saved until it is seen: Vite's watcher may begin after the page is there.
    await until('the edit shows', async () => {
      writeFileSync(join(workdir, 'style.css'), style('rgb(4, 5, 6)'));
      return (await color()) === 'rgb(4, 5, 6)';
    });
    expect(await page.evaluate(`globalThis.sameDocument`)).toBe(true);

    await updated(preview.id, 'env', { VITE_WORD: 'second' });
    await until('the open page has followed the update', async () => (await word()) === 'second');
    expect(await color()).toBe('rgb(4, 5, 6)');
    // Vite's client would also try the server's own port, past the load balancer.
    expect(new Set(sockets)).toEqual(new Set([new URL(preview.preview_url).host]));
    await expires(preview);
  },
  WHOLE_LIFE_MS,
);

test('in the end nothing is left', async () => {
  expect(await inspect(laptop)).toEqual(NOTHING);
});
