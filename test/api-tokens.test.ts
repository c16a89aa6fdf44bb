import { describe, expect, test } from 'vitest';
import { openapi } from '../api/openapi.ts';
import { secretBytes } from '../platform/random.ts';
import { Tokens } from '../preview/tokens.ts';
import { API, guess, useTokens } from './token-world.ts';

const world = useTokens();
const { ask, make } = world;

/** Every route, as the API itself lists them. */
const ROUTES = Object.entries((openapi(API) as { paths: Record<string, object> }).paths).flatMap(
  ([path, methods]) =>
    Object.keys(methods).map(
      (method) => [method.toUpperCase(), path.replaceAll('{id}', '550e8400')] as const,
    ),
);

test('the routes are those that there are', () => {
  expect(ROUTES.length).toBeGreaterThanOrEqual(13);
});

test.each(ROUTES.filter(([, path]) => path !== '/health'))('%s %s asks for a token', async (method, path) => {
  const reply = await ask(method, path, undefined, method === 'POST' ? {} : undefined);
  expect(reply.status).toBe(401);
  expect(reply.headers.get('www-authenticate')).toBe('Bearer realm="tempus"');
  expect(reply.json()).toMatchObject({
    code: 'unauthenticated',
    hint: expect.stringContaining('TEMPUS_TOKEN') as string,
  });
});

test.each(['/', '/nothing', '/openapi.json', '/preview'])(
  'what is no route either tells nothing without a token: %s',
  async (path) => {
    expect((await ask('GET', path)).status).toBe(401);
  },
);

test('health answers everybody, under whatever name a load balancer asks', async () => {
  expect((await ask('GET', '/health')).json()).toEqual({ status: 'ok', version: '1.2.3' });
  expect((await ask('GET', '/health', 'nonsense')).status).toBe(200);
});

describe('a token that is', () => {
  const refused = async (token: string) => {
    const reply = await ask('GET', '/previews', token);
    expect(reply.status).toBe(401);
    expect(reply.headers.get('www-authenticate')).toContain('error="invalid_token"');
    return reply.json()['detail'];
  };

  test('something else is malformed, and how long one is is told', async () => {
    expect(await refused('secret')).toBe('the token is malformed');
    const ci = { kind: 'ci' as const, owner: 'ci', scope: 'read' as const, ttl_days: 1, created_by: 'test' };
    const made = await world.tokens.create(ci, world.clock.now());
    const { hint } = (await ask('GET', '/previews', 'secret')).json();
    expect(hint).toContain(`${(await make('read')).length} (user) or ${made.text.length} (ci) characters`);
  });

  test('mistyped in any one place is told from one that is unknown', async () => {
    const token = await make('read');
    for (const at of [10, 20, token.length - 1]) {
      const wrong = token.slice(0, at) + (token[at] === 'a' ? 'b' : 'a') + token.slice(at + 1);
      expect(await refused(wrong)).toBe('the token is mistyped');
    }
  });

  test("another install's is unknown, and so is one whose id is right", async () => {
    const ours = await make('read');
    const id = ours.split('_')[2]!;
    const stranger = new Tokens({
      client: { put: async () => undefined } as never,
      table: '-',
      secretBytes: (size) => (size === 8 ? idBytes(id) : secretBytes(size)),
    });
    const { text } = await stranger.create(
      { kind: 'user', owner: 'eve', scope: 'admin', ttl_days: 1, created_by: '-' },
      world.clock.now(),
    );
    expect(text.split('_')[2]).toBe(id);
    expect(await refused(text)).toBe('the token is unknown');
  });

  test('expired lets nobody in, also where it was seen a moment before', async () => {
    const token = await make('read');
    await world.clock.advance(86_400_000 - 1_000);
    expect((await ask('GET', '/previews', token)).status).toBe(200);
    await world.clock.advance(1_000);
    expect(await refused(token)).toBe('the token is expired');
  });

  test('revoked lets nobody in within 30 s', async () => {
    const token = await make('read');
    expect((await ask('GET', '/previews', token)).status).toBe(200);
    const id = token.split('_')[2]!;
    expect((await ask('DELETE', `/tokens/${id}`, await make('admin'))).status).toBe(204);
    await world.clock.advance(30_000);
    expect(await refused(token)).toBe('the token is revoked');
  });
});

function idBytes(id: string): Uint8Array {
  const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  const value = Array.from(id).reduce((sum, char) => sum * 62n + BigInt(alphabet.indexOf(char)), 0n);
  return Buffer.from(value.toString(16).padStart(16, '0'), 'hex');
}

test('each scope may do its own and no more', async () => {
  const [read, write, admin] = [await make('read'), await make('write'), await make('admin')];
  const create = (token: string) => ask('POST', '/preview/create', token, { ttl_hours: 1 });
  const sweep = (token: string) => ask('POST', '/system/sweep', token, { max: 5 });
  const token = (of: string) => ask('POST', '/tokens', of, { owner: 'ci', kind: 'ci' });
  const refusal = { code: 'scope_too_small', hint: expect.stringContaining('--scope') as string };
  expect((await create(read)).json()).toMatchObject({ ...refusal, status: 403 });
  expect((await create(write)).status).toBe(202);
  for (const admins of [sweep, token]) {
    expect((await admins(write)).json()).toMatchObject(refusal);
    expect((await admins(admin)).status).toBeLessThan(300);
  }
  for (const any of [read, write, admin]) expect((await ask('GET', '/previews', any)).status).toBe(200);
});

test.each([
  ['POST', '/PREVIEW/create'],
  ['POST', '/Tokens'],
  ['POST', '/System/sweep'],
  ['GET', '/Previews'],
  ['DELETE', '/PREVIEW/550e8400'],
  ['POST', '/preview/550e8400/Retry'],
  ['GET', '/preview/550e8400/LOGS'],
  ['GET', '/preview/550e8400/Events'],
  ['GET', '/SYSTEM'],
  ['GET', '/OpenAPI.json'],
])('a path has one spelling: %s %s is none', async (method, path) => {
  const reply = await ask(
    method,
    path,
    await make('admin'),
    method === 'POST' ? { owner: 'eve' } : undefined,
  );
  expect(reply.json()).toMatchObject({ status: 404, code: 'route_not_found' });
});

test.each(['/%70review/create', '//preview/create', '/preview/%63reate', '/Preview/create'])(
  'no spelling of a path gives a token more than its scope: POST %s creates nothing',
  async (path) => {
    for (const scope of ['read', 'write', 'admin'] as const) {
      expect((await ask('POST', path, await make(scope), {})).status).toBeGreaterThanOrEqual(403);
    }
    expect((await ask('GET', '/previews', await make('read'))).json()).toMatchObject({ items: [] });
  },
);

describe('a whole token in a path', () => {
  const secretOf = (token: string) => token.split('_')[3]!.slice(0, 43);

  test('is revoked as its id is, and its secret is neither answered nor logged', async () => {
    const [admin, { text, row }] = [await make('admin'), await world.store('read')];
    expect((await ask('DELETE', `/tokens/${text}`, admin)).status).toBe(204);
    expect(await world.tokens.verify(text, world.clock.now())).toBe('revoked');
    expect(world.logged).toContain(`/tokens/tmp_user_${row.id}_***`);
    expect(world.logged).not.toContain(secretOf(text));
  });

  test.each([
    ['GET', (token: string) => `/preview/${token}`],
    ['GET', (token: string) => `/preview/${token}/logs`],
    ['DELETE', (token: string) => `/tokens/${token.replaceAll('_', '%5F')}x`],
    ['DELETE', (token: string) => `/tokens/${token.slice(0, -8)}`],
    ['GET', (token: string) => `/nothing/${token}`],
    ['PUT', (token: string) => `/tokens/${token}`],
    ['GET', (token: string) => `/previews?${token}`],
  ] as const)('is shown without its secret, whatever becomes of it: %s %s', async (method, path) => {
    const token = guess();
    for (const by of [undefined, await make('admin')]) {
      const reply = await ask(method, path(token), by);
      expect(reply.status).toBeGreaterThanOrEqual(400);
      expect(reply.json()['instance']).toContain('***');
      const said = reply.text + world.logged;
      expect(said).not.toContain(secretOf(token).slice(0, 30));
    }
  });
});

test('what is created and destroyed carries the name of its token, whatever the request says', async () => {
  const made = await ask('POST', '/preview/create', await make('write', 'web-team'), { ttl_hours: 1 });
  expect(made.json()).toMatchObject({ owner: 'web-team' });
  const forged = await ask('POST', '/preview/create', await make('write', 'web-team'), {
    ttl_hours: 1,
    owner: 'eve',
  });
  expect(forged.status).toBe(422);
  const gone = await ask('DELETE', `/preview/${String(made.json()['id'])}`, await make('write', 'ops-team'));
  expect(gone.json()).toMatchObject({ owner: 'web-team', deletion: { by: 'ops-team' } });
});

test('the same Idempotency-Key of two people makes two previews', async () => {
  const once = async (owner: string) => {
    const response = await fetch(`http://127.0.0.1:${world.server.port}/preview/create`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${await make('write', owner)}`,
        'idempotency-key': 'pr-12',
      },
      body: '{}',
    });
    return ((await response.json()) as { id: string }).id;
  };
  const first = await once('web-team');
  expect(await once('web-team')).toBe(first);
  expect(await once('ops-team')).not.toBe(first);
});

test('a token that the API makes works, lasts as long as asked, and is seen once', async () => {
  const made = await ask('POST', '/tokens', await make('admin', 'web-team'), {
    owner: 'ci',
    kind: 'ci',
    ttl_days: 7,
  });
  expect(made.status).toBe(201);
  expect(made.headers.get('cache-control')).toBe('no-store');
  const { token, ...row } = made.json();
  expect(row).toMatchObject({
    owner: 'ci',
    scope: 'write',
    created_by: 'web-team',
    expires_at: '2026-01-08T00:00:00Z',
  });
  expect(token).toMatch(/^tmp_ci_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}$/);
  expect((await ask('GET', '/previews', String(token))).status).toBe(200);
});

test('no secret is in the table or in the log', async () => {
  const token = await make('admin');
  await ask('GET', '/previews', token);
  await ask('GET', '/previews', `${token}x`);
  const made = await ask('POST', '/tokens', token, { owner: 'ci' });
  const { Items } = await world.aws.dynamodb.scan({ TableName: 'coordination' });
  const secrets = [token, String(made.json()['token'])].map((text) => text.split('_')[3]!.slice(0, 43));
  for (const secret of secrets) {
    expect(JSON.stringify(Items)).not.toContain(secret);
    expect(world.logged).not.toContain(secret);
  }
  expect(Items!.length).toBeGreaterThanOrEqual(2);
});
