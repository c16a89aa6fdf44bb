import { once } from 'node:events';
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  type RequestOptions,
  request,
  type Server,
} from 'node:http';
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server as TcpServer,
  type Socket,
} from 'node:net';
import type { Action, RuleCondition, RuleTransform } from '@aws-sdk/client-elastic-load-balancing-v2';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { RoutingView } from '../localcloud/elbv2/routing-view.ts';
import { checkTarget } from '../localcloud/load-balancer/health-check.ts';
import { type LoadBalancer, startLoadBalancer } from '../localcloud/load-balancer/server.ts';
import { systemClock } from '../platform/clock.ts';
import { silentLog } from '../platform/log.ts';
import { systemRandom } from '../platform/random.ts';

type Rule = ReturnType<RoutingView['rulesOf']>[number];
type Target = ReturnType<RoutingView['targetsOf']>[number];

const LISTENER = 'arn:listener';
const notFound: Rule = {
  ruleArn: 'default',
  conditions: [],
  actions: [
    { Type: 'fixed-response', FixedResponseConfig: { StatusCode: '404', MessageBody: 'no such preview' } },
  ],
  transforms: [],
};

let rules: Rule[];
let groups: Map<string, Target[]>;
let balancer: LoadBalancer;
let servers: (Server | TcpServer)[];
let agent: Agent;

beforeEach(async () => {
  rules = [notFound];
  groups = new Map();
  servers = [];
  agent = new Agent({ keepAlive: true });
  balancer = await start();
});

afterEach(async () => {
  agent.destroy();
  await balancer.close();
  for (const server of servers) {
    if ('closeAllConnections' in server) server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

function start(idleMs = 10_000): Promise<LoadBalancer> {
  return startLoadBalancer({
    routing: { rulesOf: () => rules, targetsOf: (arn) => groups.get(arn) ?? [] },
    listenerArn: LISTENER,
    host: '127.0.0.1',
    port: 0,
    log: silentLog,
    clock: systemClock,
    random: systemRandom,
    idleMs,
  });
}

/** From here on, connections on which nothing moves end soon. */
async function impatient(): Promise<void> {
  await balancer.close();
  balancer = await start(100);
}

/** Puts a rule before the default one. */
function rule(conditions: RuleCondition[], action: Action, transforms: RuleTransform[] = []): void {
  const added = { ruleArn: `rule-${rules.length}`, conditions, actions: [action], transforms };
  rules.splice(rules.length - 1, 0, added);
}

const onHost = (...Values: string[]): RuleCondition => ({
  Field: 'host-header',
  HostHeaderConfig: { Values },
});
const onPath = (...Values: string[]): RuleCondition => ({
  Field: 'path-pattern',
  PathPatternConfig: { Values },
});
const forward = (TargetGroupArn: string): Action => ({ Type: 'forward', TargetGroupArn });

async function listening(server: Server | TcpServer): Promise<number> {
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

/** A healthy target of a group, served by `listener`. */
async function target(group: string, listener: RequestListener, at: Partial<Target> = {}): Promise<Target> {
  const port = await listening(createServer(listener));
  return join(group, { port, ...at });
}

function join(group: string, at: Partial<Target>): Target {
  const joined: Target = { id: '127.0.0.1', port: 1, state: 'healthy', everHealthy: true, ...at };
  groups.set(group, [...(groups.get(group) ?? []), joined]);
  return joined;
}

/** The port of a server that is no HTTP server: it waits for a request, and then says `text` and hangs up. */
function hangingUp(text = ''): Promise<number> {
  const onSocket = (socket: Socket) =>
    socket.on('error', () => undefined).on('data', () => socket.end(text, () => socket.destroy()));
  return listening(createTcpServer(onSocket));
}

/** A target that says who it is and what it was asked. */
const echo =
  (name: string): RequestListener =>
  (message, response) => {
    const { url, method, headers } = message;
    response
      .setHeader('content-type', 'application/json')
      .end(JSON.stringify({ name, url, method, headers }));
  };

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

interface Echo {
  name: string;
  url: string;
  headers: IncomingHttpHeaders;
}

function open(options: RequestOptions & { body?: string | Buffer }): Promise<IncomingMessage> {
  const { body, ...rest } = options;
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port: balancer.port, agent, ...rest }, resolve)
      .on('error', reject)
      .end(body);
  });
}

async function ask(options: RequestOptions & { body?: string | Buffer }): Promise<Answer> {
  const response = await open(options);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return {
    status: response.statusCode!,
    headers: response.headers,
    body: Buffer.concat(chunks).toString(),
  };
}

async function get(host: string, path = '/', headers: Record<string, string> = {}): Promise<Answer> {
  return ask({ path, headers: { host, ...headers } });
}

async function seen(answer: Promise<Answer>): Promise<Echo> {
  const { status, body } = await answer;
  expect(status, body).toBe(200);
  return JSON.parse(body) as Echo;
}

/** Writes bytes and reads all that comes until the other side ends. */
async function raw(bytes: string): Promise<string> {
  const socket = connect(balancer.port, '127.0.0.1');
  socket.write(bytes);
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  return text;
}

describe('rules', () => {
  test('the host decides, in any case and with any port, and what no rule takes gets the default', async () => {
    rule([onHost('pr-1.preview.test')], forward('one'));
    rule([onHost('pr-2.preview.test')], forward('two'));
    await target('one', echo('one'));
    await target('two', echo('two'));

    expect(await seen(get('pr-1.preview.test'))).toMatchObject({ name: 'one' });
    expect(await seen(get('PR-2.Preview.Test:8080'))).toMatchObject({
      name: 'two',
      headers: { host: 'PR-2.Preview.Test:8080' },
    });
    const answer = await get('pr-3.preview.test');
    expect(answer).toMatchObject({
      status: 404,
      body: 'no such preview',
      headers: { server: 'awselb/2.0', 'content-type': 'text/plain; charset=utf-8' },
    });
  });

  test('the path decides, and the target sees it without its prefix and with its query', async () => {
    const strip: RuleTransform = {
      Type: 'url-rewrite',
      UrlRewriteConfig: { Rewrites: [{ Regex: '^/preview-1/?(.*)$', Replace: '/$1' }] },
    };
    rule([onPath('/preview-1', '/preview-1/*')], forward('one'), [strip]);
    await target('one', echo('one'));

    expect(await seen(get('a.test', '/preview-1'))).toMatchObject({ url: '/' });
    expect(await seen(get('a.test', '/preview-1?q=1'))).toMatchObject({ url: '/?q=1' });
    expect(await seen(get('a.test', '/preview-1/a%20b?q=/x&r='))).toMatchObject({ url: '/a%20b?q=/x&r=' });
    expect(await get('a.test', '/preview-12/')).toMatchObject({ status: 404 });
    expect(await get('a.test', '/x?/preview-1/')).toMatchObject({ status: 404 });
  });

  test('the first rule by priority takes a request that several would', async () => {
    rule([onHost('one.test')], forward('one'));
    rule([onPath('/api/*')], forward('api'));
    await target('one', echo('one'));
    await target('api', echo('api'));

    expect(await seen(get('one.test', '/api/x'))).toMatchObject({ name: 'one' });
    expect(await seen(get('two.test', '/api/x'))).toMatchObject({ name: 'api' });
  });

  test('a change of the rules holds from the next request on, on the same connection', async () => {
    rule([onHost('one.test')], forward('one'));
    await target('one', echo('one'));
    await seen(get('one.test'));
    rules = [notFound];
    expect(await get('one.test')).toMatchObject({ status: 404 });
  });

  test('a rewrite that fails is a 500, and a redirect keeps what it does not set', async () => {
    const Rewrites = [{ Regex: '^/', Replace: 'x' }];
    rule([onHost('bad.test')], forward('one'), [{ Type: 'url-rewrite', UrlRewriteConfig: { Rewrites } }]);
    rule([onHost('old.test')], {
      Type: 'redirect',
      RedirectConfig: { Host: 'new.test', StatusCode: 'HTTP_301' },
    });
    await target('one', echo('one'));

    expect(await get('bad.test')).toMatchObject({ status: 500, headers: { server: 'awselb/2.0' } });
    expect(await get('old.test', '/a?b')).toMatchObject({
      status: 301,
      headers: { location: `http://new.test:${balancer.port}/a?b` },
    });
  });
});

test('rules that cannot be read are a 500, and the listener goes on', async () => {
  const [bad] = rules;
  rules = undefined as never;
  expect(await get('one.test')).toMatchObject({ status: 500 });
  rules = [bad!];
  expect(await get('one.test')).toMatchObject({ status: 404 });
});

describe('targets', () => {
  beforeEach(() => rule([onHost('one.test')], forward('one')));

  test.each(['initial', 'draining', 'unused'] as const)('a group of %s targets is a 503', async (state) => {
    await target('one', echo('one'), { state });
    expect(await get('one.test')).toMatchObject({
      status: 503,
      headers: { server: 'awselb/2.0', 'retry-after': '1', 'content-type': 'text/html' },
      body: expect.stringContaining('503 Service Temporarily Unavailable') as string,
    });
  });

  test('an empty group and a target that was never healthy are a 503', async () => {
    expect(await get('one.test')).toMatchObject({ status: 503 });
    await target('one', echo('one'), { state: 'unhealthy', everHealthy: false });
    expect(await get('one.test')).toMatchObject({ status: 503 });
  });

  test('healthy targets take turns; with none left the group fails open', async () => {
    const a = await target('one', echo('a'));
    const b = await target('one', echo('b'));
    const names = async () =>
      new Set([await seen(get('one.test')), await seen(get('one.test'))].map(({ name }) => name));

    expect(await names()).toEqual(new Set(['a', 'b']));
    a.state = 'unhealthy';
    expect(await names()).toEqual(new Set(['b']));
    b.state = 'unhealthy';
    expect(await names()).toEqual(new Set(['a', 'b']));
    a.state = 'draining';
    expect(await names()).toEqual(new Set(['b']));
  });

  test('a target that refuses, or breaks before its headers, is a 502', async () => {
    const gone = await target('one', echo('one'));
    const server = servers.pop() as Server;
    await new Promise((resolve) => server.close(resolve));
    expect(await get('one.test')).toMatchObject({ status: 502, headers: { server: 'awselb/2.0' } });

    gone.port = await hangingUp();
    expect(await get('one.test')).toMatchObject({ status: 502 });
  });

  test('a target that stays silent is a 504', async () => {
    await impatient();
    await target('one', () => undefined);
    expect(await get('one.test')).toMatchObject({
      status: 504,
      body: expect.stringContaining('504 Gateway Time-out') as string,
    });
  });

  test('a target that breaks within its answer breaks the answer', async () => {
    await target('one', (_, response) => {
      response.write('half');
      setImmediate(() => response.destroy());
    });
    await expect(get('one.test')).rejects.toThrow();
  });

  test("a refused upload leaves the client's connection usable", async () => {
    join('one', {
      port: await hangingUp(),
    });
    agent.maxSockets = 1;
    const body = Buffer.alloc(4 * 1024 * 1024);
    expect(await ask({ method: 'POST', headers: { host: 'one.test' }, body })).toMatchObject({ status: 502 });
    expect(await get('two.test')).toMatchObject({ status: 404 });
  });
});

describe('the way to the target', () => {
  beforeEach(() => rule([onHost('one.test')], forward('one')));

  test('the target learns of the client, and the answer keeps the headers of the target', async () => {
    await target('one', (message, response) => {
      response.setHeader('server', 'mine').setHeader('set-cookie', ['a=1', 'b=2']);
      echo('one')(message, response);
    });
    const answer = get('one.test', '/', { 'x-forwarded-for': '192.0.2.7' });
    expect((await seen(answer)).headers).toMatchObject({
      host: 'one.test',
      'x-forwarded-for': '192.0.2.7, 127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-port': String(balancer.port),
      'x-amzn-trace-id': expect.stringMatching(/^Root=1-[\da-f]{8}-[\da-f]{24}$/) as string,
    });
    expect((await answer).headers).toMatchObject({ server: 'mine', 'set-cookie': ['a=1', 'b=2'] });
  });

  test('an answer streams: its first part arrives while the rest is not written', async () => {
    let finish = (): void => undefined;
    await target('one', (_, response) => {
      response.write('first,');
      finish = () => void response.end('last');
    });
    const response = await open({ headers: { host: 'one.test' } });
    const [first] = (await once(response, 'data')) as [Buffer];
    expect(String(first)).toBe('first,');
    finish();
    const [last] = (await once(response, 'data')) as [Buffer];
    expect(String(last)).toBe('last');
  });

  test('a big upload arrives whole', async () => {
    await target('one', (message, response) => {
      let size = 0;
      message.on('data', (chunk: Buffer) => (size += chunk.length));
      message.on('end', () => response.end(String(size)));
    });
    const body = Buffer.alloc(32 * 1024 * 1024, 'x');
    const expectation = { host: 'one.test', expect: '100-continue' };
    expect(await ask({ method: 'PUT', headers: { host: 'one.test' }, body })).toMatchObject({
      body: String(body.length),
    });
    expect(await ask({ method: 'PUT', headers: expectation, body })).toMatchObject({
      body: String(body.length),
    });
  });

  test('a client that gives up ends the request at the target', async () => {
    let closed = false;
    await target('one', (_, response) => {
      response.write('x');
      response.once('close', () => (closed = true));
    });
    const response = await open({ headers: { host: 'one.test' } });
    response.destroy();
    await vi.waitFor(() => expect(closed).toBe(true));
  });

  test('connections to a target are kept, whatever the client does with its own', async () => {
    const ports = new Set<number>();
    await target('one', (message, response) => {
      ports.add(message.socket.remotePort!);
      response.end('ok');
    });
    for (let turn = 0; turn < 3; turn += 1) {
      const answer = await raw('GET / HTTP/1.1\r\nHost: one.test\r\nConnection: close\r\n\r\n');
      expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*connection: close\r\n/i);
    }
    expect(ports.size).toBe(1);
  });

  test('a client that offers HTTP/2 is served in HTTP/1.1', async () => {
    await target('one', echo('one'));
    const headers = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAA' };
    const answer = await seen(get('one.test', '/', headers));
    expect(answer.headers).not.toHaveProperty('upgrade');
    expect(answer.headers).not.toHaveProperty('http2-settings');
  });
});

describe('a web socket', () => {
  const handshake = (host: string) =>
    `GET /chat HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;

  beforeEach(() => rule([onHost('one.test')], forward('one')));

  /** A target that switches protocols and then says back what it hears. */
  async function chat(): Promise<void> {
    const server = createServer();
    server.on('upgrade', (message: IncomingMessage, socket) => {
      const { url, headers } = message;
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');
      socket.write(`${url} ${String(headers['x-forwarded-for'])};`);
      socket.pipe(socket);
    });
    join('one', { port: await listening(server) });
  }

  test('is joined with the target by the same rules, and ends when nothing moves', async () => {
    await impatient();
    await chat();
    const socket = connect(balancer.port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => (text += String(chunk)));
    socket.write(handshake('one.test'));
    await vi.waitFor(() => expect(text).toMatch(/^HTTP\/1\.1 101 [^]*\/chat 127\.0\.0\.1;$/));
    socket.write('hello');
    await vi.waitFor(() => expect(text).toMatch(/;hello$/));
    await once(socket, 'close');
  });

  test('gets the answers that a plain request gets', async () => {
    expect(await raw(handshake('two.test'))).toMatch(/^HTTP\/1\.1 404 [^]*no such preview$/);
    expect(await raw(handshake('one.test'))).toMatch(/^HTTP\/1\.1 503 /);
    join('one', { port: await hangingUp() });
    expect(await raw(handshake('one.test'))).toMatch(/^HTTP\/1\.1 502 /);
  });

  test('does not hold up the end', async () => {
    await chat();
    const socket = connect(balancer.port, '127.0.0.1');
    socket.write(handshake('one.test'));
    await once(socket, 'data');
    await balancer.close();
    if (!socket.closed) await once(socket, 'close');
  });
});

describe('a malformed request is a 400', () => {
  test.each([
    ['without a host', 'GET / HTTP/1.1\r\n\r\n'],
    ['with two hosts', 'GET / HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n'],
    ['with the same host twice', 'GET / HTTP/1.1\r\nHost: a.test\r\nhost: a.test\r\n\r\n'],
    ['with a host that is none', 'GET / HTTP/1.1\r\nHost: a.test/b\r\n\r\n'],
    ['that is not HTTP', 'hello\r\n\r\n'],
  ])('%s', async (_, bytes) => {
    const answer = raw(bytes.replace(/\r\n\r\n$/, '\r\nConnection: close\r\n\r\n'));
    expect(await answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\nserver: awselb\/2\.0\r\n/i);
  });
});

describe('the end', () => {
  test('comes within a second, with kept connections and an answer that never ends', async () => {
    rule([onHost('one.test')], forward('one'));
    await target('one', (_, response) => void response.write('on and on'));
    await get('two.test');
    const endless = await open({ headers: { host: 'one.test' } });
    endless.on('error', () => undefined).resume();

    const started = systemClock.monotonic();
    await balancer.close();
    expect(systemClock.monotonic() - started).toBeLessThan(1000);
    await expect(get('two.test')).rejects.toThrow();
  });

  test('lets a request under way finish', async () => {
    rule([onHost('one.test')], forward('one'));
    let finish: (() => void) | undefined;
    await target('one', (_, response) => (finish = () => void response.end('done')));
    const answer = get('one.test');
    await vi.waitFor(() => expect(finish).toBeDefined());
    const closed = balancer.close();
    finish?.();
    expect(await answer).toMatchObject({ status: 200, body: 'done' });
    await closed;
  });

  test('a port that is taken is an error', async () => {
    const options = { routing: { rulesOf: () => [], targetsOf: () => [] }, listenerArn: LISTENER };
    const deps = { log: silentLog, clock: systemClock, random: systemRandom, host: '127.0.0.1' };
    await expect(startLoadBalancer({ ...options, ...deps, port: balancer.port })).rejects.toThrow(
      'EADDRINUSE',
    );
  });
});

describe('a health check', () => {
  const check = { path: '/health', timeoutMs: 10_000, codes: '200-299' };

  test('passes on a code of the matcher, asked as AWS asks', async () => {
    let asked: IncomingHttpHeaders & { url?: string | undefined } = {};
    const at = await target('one', ({ url, headers }, response) => {
      asked = { ...headers, url };
      response.writeHead(204).end();
    });
    expect(await checkTarget(at, check)).toEqual({ ok: true });
    expect(asked).toMatchObject({
      url: '/health',
      host: `127.0.0.1:${at.port}`,
      'user-agent': 'ELB-HealthChecker/2.0',
      connection: 'close',
    });
  });

  test('fails on another code', async () => {
    const at = await target('one', (_, response) => response.writeHead(500).end());
    expect(await checkTarget(at, check)).toEqual({
      ok: false,
      reason: 'Target.ResponseCodeMismatch',
      description: 'Health checks failed with these codes: [500]',
    });
  });

  test('fails on silence', async () => {
    const at = await target('one', () => undefined);
    expect(await checkTarget(at, { ...check, timeoutMs: 100 })).toEqual({
      ok: false,
      reason: 'Target.Timeout',
      description: 'Request timed out',
    });
  });

  test('fails on a refused connection, and on what is not HTTP', async () => {
    const broken = { ok: false, reason: 'Target.FailedHealthChecks', description: 'Health checks failed' };
    const garbage = await hangingUp('nonsense\r\n\r\n');
    expect(await checkTarget({ id: '127.0.0.1', port: garbage }, check)).toEqual(broken);

    const server = createTcpServer();
    const port = await listening(server);
    servers.pop();
    await new Promise((resolve) => server.close(resolve));
    expect(await checkTarget({ id: '127.0.0.1', port }, check)).toEqual(broken);
  });
});
