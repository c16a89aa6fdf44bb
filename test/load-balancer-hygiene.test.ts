import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { RoutingRule, RoutingView } from '../localcloud/elbv2/routing-view.ts';
import { type LoadBalancer, startLoadBalancer } from '../localcloud/load-balancer/server.ts';
import { systemClock as clock } from '../platform/clock.ts';
import { silentLog as log } from '../platform/log.ts';
import { systemRandom as random } from '../platform/random.ts';
import { load } from './bench/load.ts';

/** Two previews as laptop mode routes them, by host and by path: whatever is asked, it is exactly one of them, or none. */
const [A, B] = ['aaaaaaaa', 'bbbbbbbb'] as const;
const HOST_A = `preview-${A}.localhost:8080`;
const HOST_B = `preview-${B}.localhost:8080`;

let targets: Server[];
let balancer: LoadBalancer;
/** What each preview's target has seen, as `id url`. */
let seen: string[] = [];

function rulesFor(id: string, group: string): RoutingRule[] {
  const label = `preview-${id}`;
  const actions = [{ Type: 'forward' as const, TargetGroupArn: group }];
  return [
    {
      ruleArn: `${id}-host`,
      conditions: [{ Field: 'host-header', HostHeaderConfig: { Values: [`${label}.localhost`] } }],
      actions,
      transforms: [],
    },
    {
      ruleArn: `${id}-path`,
      conditions: [{ Field: 'path-pattern', PathPatternConfig: { Values: [`/${label}`, `/${label}/*`] } }],
      actions,
      transforms: [
        {
          Type: 'url-rewrite',
          UrlRewriteConfig: { Rewrites: [{ Regex: `^/${label}/?(.*)$`, Replace: '/$1' }] },
        },
      ],
    },
  ];
}

beforeAll(async () => {
  targets = [];
  const ports: number[] = [];
  for (const id of [A, B]) {
    const server = createServer((request, response) => {
      seen.push(`${id} ${request.url}`);
      request.resume();
      request.on('end', () => response.end(`${id} ${request.url} ${request.headers.host}`));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ports.push((server.address() as AddressInfo).port);
    targets.push(server);
  }
  const rules: RoutingRule[] = [
    ...rulesFor(A, '0').slice(0, 1),
    ...rulesFor(B, '1').slice(0, 1),
    ...rulesFor(A, '0').slice(1),
    ...rulesFor(B, '1').slice(1),
    {
      ruleArn: 'default',
      conditions: [],
      actions: [
        { Type: 'fixed-response', FixedResponseConfig: { StatusCode: '404', MessageBody: 'nobody' } },
      ],
      transforms: [],
    },
  ];
  const routing: RoutingView = {
    rulesOf: () => rules,
    targetsOf: (group) => [
      { id: '127.0.0.1', port: ports[Number(group)] ?? 0, state: 'healthy', everHealthy: true },
    ],
  };
  const place = { routing, listenerArn: 'listener', host: '127.0.0.1', port: 0 };
  balancer = await startLoadBalancer({ ...place, log, clock, random });
});

afterEach(() => {
  seen = [];
});

afterAll(async () => {
  await balancer.close();
  for (const server of targets) {
    server.closeAllConnections();
    server.close();
  }
});

/** Sends bytes as they are, and answers everything that comes back until the connection ends. */
function send(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(balancer.port, '127.0.0.1');
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
    socket.on('close', () => resolve(text)).on('error', reject);
    socket.write(Buffer.from(bytes, 'latin1'));
  });
}

const request = (line: string, ...headers: string[]) =>
  `${[line, ...headers, 'connection: close'].join('\r\n')}\r\n\r\n`;
const statusesOf = (text: string) =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));

describe('a request is for exactly one preview', () => {
  test.each<[string, string, string]>([
    ['its host in capitals', request('GET /x HTTP/1.1', `Host: ${HOST_A.toUpperCase()}`), `${A} /x`],
    [
      'its host with the root of the names',
      request('GET / HTTP/1.1', `Host: preview-${A}.localhost.`),
      `${A} /`,
    ],
    ['its host with another port', request('GET / HTTP/1.1', `Host: preview-${A}.localhost:1`), `${A} /`],
    ['its host without a port', request('GET / HTTP/1.1', `Host: preview-${A}.localhost`), `${A} /`],
    [
      'a whole URL, whose authority wins over Host',
      request(`GET http://${HOST_A}/x HTTP/1.1`, `Host: ${HOST_B}`),
      `${A} /x`,
    ],
    [
      'a path of another preview on its own host',
      request(`GET /preview-${B}/x HTTP/1.1`, `Host: ${HOST_A}`),
      `${A} /preview-${B}/x`,
    ],
    ['its path', request(`GET /preview-${A}/x?y=1 HTTP/1.1`, 'Host: 127.0.0.1'), `${A} /x?y=1`],
    ['its path alone', request(`GET /preview-${A} HTTP/1.1`, 'Host: 127.0.0.1'), `${A} /`],
    [
      'two previews in one path: the first',
      request(`GET /preview-${A}/preview-${B}/ HTTP/1.1`, 'Host: 127.0.0.1'),
      `${A} /preview-${B}/`,
    ],
    [
      'dots behind its prefix, which are its own to read',
      request(`GET /preview-${A}/../preview-${B}/ HTTP/1.1`, 'Host: 127.0.0.1'),
      `${A} /../preview-${B}/`,
    ],
    [
      'encoded slashes and dots, untouched',
      request(`GET /preview-${A}/%2e%2e%2fpreview-${B} HTTP/1.1`, 'Host: 127.0.0.1'),
      `${A} /%2e%2e%2fpreview-${B}`,
    ],
    [
      'two slashes behind its prefix',
      request(`GET /preview-${A}//evil.example/ HTTP/1.1`, 'Host: 127.0.0.1'),
      `${A} //evil.example/`,
    ],
    [
      'headers that name another host',
      request(
        'GET / HTTP/1.1',
        `Host: ${HOST_A}`,
        `X-Forwarded-Host: ${HOST_B}`,
        `Forwarded: host=${HOST_B}`,
        `X-Original-Host: ${HOST_B}`,
      ),
      `${A} /`,
    ],
    [
      'an offer of HTTP/2',
      request('GET / HTTP/1.1', `Host: ${HOST_A}`, 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'),
      `${A} /`,
    ],
    [
      'a body with a length',
      `POST / HTTP/1.1\r\nHost: ${HOST_A}\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc`,
      `${A} /`,
    ],
    [
      'a body in chunks',
      `POST / HTTP/1.1\r\nHost: ${HOST_A}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
      `${A} /`,
    ],
  ])('%s', async (_what, bytes, expected) => {
    const text = await send(bytes);
    expect(statusesOf(text)).toEqual([200]);
    expect(seen).toEqual([expected]);
    expect(text).toContain(expected);
  });
});

describe('a request is for nobody', () => {
  const host = (name: string) => request('GET / HTTP/1.1', `Host: ${name}`);
  test.each<[string, string, number]>([
    ['a star in its host', host('preview-*.localhost'), 404],
    ['a question mark in its host', host('preview-aaaaaaa?.localhost'), 400],
    ['more in front of the host', host(`x.preview-${A}.localhost`), 404],
    ['more behind the host', host(`preview-${A}.localhost.evil.example`), 404],
    ['two dots behind the host', host(`preview-${A}.localhost..`), 404],
    ['a percent-encoded host', host(`preview-%61aaaaaaa.localhost`), 404],
    ['an international host', host('prévïew-aaaaaaaa.localhost'), 400],
    ['its punycode', host('xn--prvew-aaaaaaaa.localhost'), 404],
    ['a user in front of the host', host(`preview-${A}.localhost@evil.example`), 400],
    ['a slash in the host', host(`preview-${A}.localhost/x`), 400],
    ['a space in the host', host(`preview-${A} .localhost`), 400],
    ['a comma in the host', host(`preview-${A}.localhost, preview-${B}.localhost`), 400],
    ['an empty host', host(''), 400],
    ['an address', host('[::1]:8080'), 404],
    [
      'capitals in a path, which is held to the letter',
      request(`GET /PREVIEW-${A}/ HTTP/1.1`, 'Host: 127.0.0.1'),
      404,
    ],
    ['an encoded prefix', request(`GET /%70review-${A}/ HTTP/1.1`, 'Host: 127.0.0.1'), 404],
    ['two slashes in front of the prefix', request(`GET //preview-${A}/ HTTP/1.1`, 'Host: 127.0.0.1'), 404],
    ['dots in front of the prefix', request(`GET /../preview-${A}/ HTTP/1.1`, 'Host: 127.0.0.1'), 404],
    ['an encoded slash behind the prefix', request(`GET /preview-${A}%2fx HTTP/1.1`, 'Host: 127.0.0.1'), 404],
    ['more behind the prefix', request(`GET /preview-${A}x/ HTTP/1.1`, 'Host: 127.0.0.1'), 404],
    ['a semicolon behind the prefix', request(`GET /preview-${A};x/ HTTP/1.1`, 'Host: 127.0.0.1'), 404],
  ])('%s', async (_what, bytes, status) => {
    expect(statusesOf(await send(bytes))).toEqual([status]);
    expect(seen).toEqual([]);
  });
});

describe('a request that two readers could read in two ways is refused, and nobody sees it', () => {
  const smuggled = request('GET /smuggled HTTP/1.1', `Host: ${HOST_B}`);
  const post = (...headers: string[]) =>
    `POST / HTTP/1.1\r\nHost: ${HOST_A}\r\n${headers.join('\r\n')}\r\n\r\n`;
  test.each<[string, string, number]>([
    ['two hosts', request('GET / HTTP/1.1', `Host: ${HOST_A}`, `Host: ${HOST_B}`), 400],
    ['the same host twice', request('GET / HTTP/1.1', `Host: ${HOST_A}`, `Host: ${HOST_A}`), 400],
    ['no host', request('GET / HTTP/1.1'), 400],
    ['two lengths', `${post('Content-Length: 0', `Content-Length: ${smuggled.length}`)}${smuggled}`, 400],
    ['a length that is a list', `${post(`Content-Length: 0, ${smuggled.length}`)}${smuggled}`, 400],
    ['a length with a sign', `${post('Content-Length: +0')}${smuggled}`, 400],
    [
      'a length and chunks',
      `${post('Content-Length: 4', 'Transfer-Encoding: chunked')}0\r\n\r\n${smuggled}`,
      400,
    ],
    [
      'chunks that are not the last coding',
      `${post('Transfer-Encoding: chunked, identity')}0\r\n\r\n${smuggled}`,
      400,
    ],
    ['a coding of another name', `${post('Transfer-Encoding: xchunked')}0\r\n\r\n${smuggled}`, 400],
    ['a space before the colon', post('Content-Length : 0'), 400],
    ['a folded header', post('X-A: b', ' Content-Length: 5'), 400],
    ['a header without a name', post(': x'), 400],
    ['a NUL in a header', post('X-A: b\0c'), 400],
    ['a NUL in the path', request('GET /\0 HTTP/1.1', `Host: ${HOST_A}`), 400],
    ['a bare line feed in the head', `GET / HTTP/1.1\nHost: ${HOST_A}\n\n`, 400],
    ['an authority in place of a path', request(`CONNECT ${HOST_A} HTTP/1.1`, `Host: ${HOST_A}`), 400],
    ['a star in place of a path', request('OPTIONS * HTTP/1.1', `Host: ${HOST_A}`), 400],
    ['a trace', request('TRACE / HTTP/1.1', `Host: ${HOST_A}`), 405],
    ['a path without a slash', request('GET x HTTP/1.1', `Host: ${HOST_A}`), 400],
    ['another scheme', request(`GET ftp://${HOST_A}/ HTTP/1.1`, `Host: ${HOST_A}`), 400],
    ['a version that is none', request('GET / HTTP/9.9', `Host: ${HOST_A}`), 400],
    ['headers of 64 KB', request('GET / HTTP/1.1', `Host: ${HOST_A}`, `X-A: ${'a'.repeat(65_536)}`), 400],
    ['a URL of 64 KB', request(`GET /${'a'.repeat(65_536)} HTTP/1.1`, `Host: ${HOST_A}`), 400],
  ])('%s', async (_what, bytes, status) => {
    const [first, ...more] = statusesOf(await send(bytes));
    expect([first, more]).toEqual([status, []]);
    expect(seen).toEqual([]);
    // The next one on another connection is not disturbed.
    expect(statusesOf(await send(request('GET / HTTP/1.1', `Host: ${HOST_B}`)))).toEqual([200]);
  });

  test('a chunk of a bad size ends the connection, and what follows it is no request', async () => {
    const bytes = `${post('Transfer-Encoding: chunked')}zz\r\nabc\r\n0\r\n\r\n${smuggled}`;
    const statuses = statusesOf(await send(bytes));
    expect(statuses.every((status) => status >= 400)).toBe(true);
    expect(seen.filter((line) => line.startsWith(B))).toEqual([]);
  });
});

test('the way through the load balancer adds a few milliseconds at most', async () => {
  const direct = await load((targets[0]!.address() as AddressInfo).port, HOST_A, 1, 300);
  const through = await load(balancer.port, HOST_A, 1, 300);
  expect(through.requests).toBeGreaterThan(20);
  expect(through.p50 - direct.p50).toBeLessThan(5);
});
