import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Home } from '../../laptop/home.ts';
import { choosePort } from '../../laptop/ports.ts';
import { readSettings } from '../../laptop/settings.ts';
import { taskEnvironment } from '../../laptop/task-environment.ts';
import { previewHost, previewUrls } from '../../preview/urls.ts';

describe('settings', () => {
  test('have their documented defaults', () => {
    expect(readSettings({}, '/checkout')).toEqual({
      host: '127.0.0.1',
      api: { setting: 'TEMPUS_API_PORT', port: 4000, asked: false },
      router: { setting: 'TEMPUS_ROUTER_PORT', port: 8080, asked: false },
      aws: { setting: 'TEMPUS_AWS_PORT', port: 4566, asked: false },
      home: '/checkout/.tempus',
      routing: 'host',
      runtime: 'auto',
      log_level: 'info',
    });
  });

  test.each<[string, Record<string, string>]>([
    ['TEMPUS_HOST', { TEMPUS_HOST: '0.0.0.0' }],
    ['TEMPUS_HOST', { TEMPUS_HOST: '192.168.1.5' }],
    ['TEMPUS_API_PORT', { TEMPUS_API_PORT: 'http' }],
    ['TEMPUS_ROUTER_PORT', { TEMPUS_ROUTER_PORT: '70000' }],
    ['TEMPUS_AWS_PORT', { TEMPUS_AWS_PORT: '0' }],
    ['TEMPUS_REALISM', { TEMPUS_REALISM: '2' }],
    ['TEMPUS_ROUTING', { TEMPUS_ROUTING: 'both' }],
    ['TEMPUS_RUNTIME', { TEMPUS_RUNTIME: 'podman' }],
    ['TEMPUS_ROUTER_PORT', { TEMPUS_API_PORT: '5000', TEMPUS_ROUTER_PORT: '5000' }],
  ])('a wrong %s is named: %j', (name, env) => {
    expect(() => readSettings(env, '/')).toThrow(name);
  });

  test('all mistakes are named at once', () => {
    const wrong = () => readSettings({ TEMPUS_HOST: '0.0.0.0', TEMPUS_API_PORT: 'x' }, '/');
    expect(wrong).toThrow(/TEMPUS_HOST.*TEMPUS_API_PORT/s);
  });
});

describe('ports', () => {
  async function taken(): Promise<number> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    return (server.address() as { port: number }).port;
  }

  test('a default that is taken gives way to the next free one, and says so', async () => {
    const port = await taken();
    const chosen = await choosePort(
      '127.0.0.1',
      { setting: 'TEMPUS_API_PORT', port, asked: false },
      new Set(),
    );
    expect(chosen.moved).toBe(true);
    expect(chosen.port).toBeGreaterThan(port);
    const next = new Set([chosen.port]);
    const other = await choosePort('127.0.0.1', { setting: 'TEMPUS_AWS_PORT', port, asked: false }, next);
    expect(other.port).not.toBe(chosen.port);
  });

  test('one that was asked for and is taken is refused with what to do', async () => {
    const port = await taken();
    const wish = { setting: 'TEMPUS_API_PORT', port, asked: true };
    await expect(choosePort('127.0.0.1', wish, new Set())).rejects.toThrow(
      /TEMPUS_API_PORT: port \d+ is taken; stop/,
    );
  });
});

describe('the state folder', () => {
  function folder(): string {
    const path = mkdtempSync(join(tmpdir(), 'tempus-home-'));
    onTestFinished(() => rmSync(path, { recursive: true }));
    return path;
  }

  test('is held by one process, and free again when that has let it go', () => {
    const path = folder();
    const home = Home.take(path, process.pid);
    home.announce('http://127.0.0.1:4000');
    expect(JSON.parse(readFileSync(join(path, 'laptop.json'), 'utf8'))).toMatchObject({
      api: 'http://127.0.0.1:4000',
    });
    expect(() => Home.take(path, process.pid)).toThrow(`pid ${process.pid} (http://127.0.0.1:4000)`);
    home.release();
    expect(existsSync(join(path, 'laptop.json'))).toBe(false);
    Home.take(path, process.pid).release();
  });

  test.each<[string, string]>([
    ['a process that is gone', JSON.stringify({ pid: 2 ** 30, started: 'x' })],
    [
      'a pid that now belongs to another process',
      JSON.stringify({ pid: process.pid, started: 'Thu Jan  1 1970' }),
    ],
    ['a file that a crash has cut off', '{"pid": 12'],
  ])('is taken over from %s', (_what, text) => {
    const path = folder();
    writeFileSync(join(path, 'laptop.json'), text);
    Home.take(path, process.pid).release();
  });
});

test('a preview sees the PATH of its user, without the folders that npm puts in front', () => {
  const PATH = [
    '/checkout/node_modules/.bin',
    '/node_modules/.bin',
    '/usr/lib/node_modules/npm/node_modules/@npmcli/run-script/lib/node-gyp-bin',
    '/usr/local/bin',
    '/home/me/bin',
  ].join(':');
  expect(taskEnvironment({ PATH, HOME: '/home/me' })).toEqual({
    PATH: '/usr/local/bin:/home/me/bin',
    HOME: '/home/me',
  });
});

test('routing chooses which address comes first; both are there', () => {
  const base = { scheme: 'http', host_domain: 'localhost:8080', path_authority: '127.0.0.1:8080' } as const;
  const host = 'http://preview-550e8400.localhost:8080/';
  const path = 'http://127.0.0.1:8080/preview-550e8400/';
  expect(previewUrls('550e8400', { ...base, primary: 'host' })).toEqual([host, path]);
  expect(previewUrls('550e8400', { ...base, primary: 'path' })).toEqual([path, host]);
  expect(previewHost('550e8400', 'localhost:8080')).toBe('preview-550e8400.localhost');
});
