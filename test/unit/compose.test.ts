import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compose } from '../../cli/compose/compose.ts';
import { mebibytesOf, secondsOf, wordsOf } from '../../cli/compose/units.ts';
import type { CreateRequest } from '../../client/types.ts';

const FILE = 'compose.yaml';

function requestOf(text: string, env: Record<string, string> = {}): CreateRequest {
  const composed = compose(text, FILE, env);
  if ('faults' in composed) throw new Error(composed.faults.join('\n'));
  return composed.request;
}

function faultsOf(text: string, env: Record<string, string> = {}): string[] {
  const composed = compose(text, FILE, env);
  return 'faults' in composed ? composed.faults : [];
}

describe('the processor', () => {
  const services = (...platforms: string[]) =>
    `services:\n${platforms.map((one, n) => `  s${n}: { image: a, ports: ["${80 + n}"], platform: ${one} }\n`).join('')}`;

  test('is what the services say together, and the install decides where none does', () => {
    expect(requestOf(services('linux/arm64', 'linux/arm64/v8')).arch).toBe('ARM64');
    expect(requestOf(services('linux/amd64')).arch).toBe('X86_64');
    expect(requestOf('services: { web: { image: a, ports: ["80"] } }')).not.toHaveProperty('arch');
  });

  test('is one for all of them, and one that Fargate has', () => {
    expect(faultsOf(services('linux/amd64', 'linux/arm64')).join()).toMatch(
      /s1.*not that of s0: all containers of a preview run on one processor/,
    );
    expect(faultsOf(services('windows/amd64')).join()).toMatch(/s0.*Fargate has linux\/amd64/);
  });
});

describe('a file that people have', () => {
  test('a shop of three: the first with ports is the preview, the others are reached on localhost', () => {
    const request = requestOf(
      `
x-tempus: { ttl: 4h, name: pr-12 }
services:
  web:
    image: ghcr.io/acme/web:1
    ports: ["8080:3000"]
    environment:
      DATABASE_URL: postgres://app:\${DB_PASSWORD}@db:5432/shop
      REDIS_HOST: cache
      TITLE: db is fine
    depends_on:
      db: { condition: service_healthy }
      cache: { condition: service_started }
  admin_ui:
    image: acme/admin
    ports: [{ target: 9000, published: 80 }]
    command: serve --api "http://web:3000/a b"
  db:
    image: postgres:17
    environment:
      - POSTGRES_PASSWORD=\${DB_PASSWORD}
    volumes: [data:/var/lib/postgresql/data]
    healthcheck: { test: pg_isready -U app, interval: 1m30s, timeout: 3s, retries: 5 }
  cache: { image: redis, mem_limit: 128M }
volumes: { data: {} }
`,
      { DB_PASSWORD: 's3cret' },
    );
    expect(request).toEqual({
      ttl_hours: 4,
      name: 'pr-12',
      cpu: 512,
      memory: 1024,
      containers: [
        {
          name: 'web',
          image: 'ghcr.io/acme/web:1',
          port: 3000,
          env: {
            DATABASE_URL: 'postgres://app:s3cret@localhost:5432/shop',
            REDIS_HOST: 'localhost',
            TITLE: 'db is fine',
          },
          depends_on: { db: 'healthy', cache: 'started' },
          public: true,
        },
        {
          name: 'admin-ui',
          image: 'acme/admin',
          command: ['serve', '--api', 'http://localhost:3000/a b'],
          port: 9000,
          public: 'admin-ui',
        },
        {
          name: 'db',
          image: 'postgres:17',
          env: { POSTGRES_PASSWORD: 's3cret' },
          healthcheck: {
            command: ['CMD-SHELL', 'pg_isready -U app'],
            interval_s: 90,
            timeout_s: 3,
            retries: 5,
            start_period_s: 0,
          },
        },
        { name: 'cache', image: 'redis', memory: 128 },
      ],
    });
  });

  test('anchors and merges, one service, and what x-tempus says of it', () => {
    const request = requestOf(`
x-base: &base { image: acme/web, environment: { A: "1" } }
services:
  web:
    <<: *base
    expose: ["80"]
    x-tempus: { public: true, health_path: /up, health_codes: "200" }
`);
    expect(request).toMatchObject({
      cpu: 256,
      containers: [
        { image: 'acme/web', env: { A: '1' }, public: true, health_path: '/up', health_codes: '200' },
      ],
    });
  });

  test('what means less here is told, and a password is not', () => {
    const composed = compose(
      `
services:
  web:
    image: a
    ports: ["80", "443"]
    restart: always
    environment: { URL: "redis://x:hunter2@cache:6379" }
  cache: { image: redis, volumes: ["/data"] }
  tools: { image: t, profiles: [debug] }
`,
      FILE,
      {},
    );
    const notes = 'notes' in composed ? composed.notes.join('\n') : '';
    expect(notes).toContain('443');
    expect(notes).toContain('services.web.restart: ignored');
    expect(notes).toContain('redis://x:…@localhost:6379');
    expect(notes).not.toContain('hunter2');
    expect(notes).toContain('services.tools: left out');
  });
});

describe('what cannot be mapped is refused at its place, with the way out', () => {
  const web = (line: string) => `services:\n  web:\n    image: a\n    ports: ["80"]\n    ${line}\n`;
  test.each<[string, string, string, string]>([
    ['build', web('build: .'), '5:5', 'build and push the image first'],
    ['privileged', web('privileged: true'), '5:5', 'no privileged containers'],
    ['a mount of the host', web('volumes: ["./src:/app"]'), '5:15', 'folder of the host'],
    [
      'a mount by its long form',
      web('volumes: [{ type: bind, source: /x, target: /y }]'),
      '5:15',
      'folder of the host',
    ],
    ['an unknown key', web('imagge: b'), '5:5', 'is not known here'],
    ['env_file', web('env_file: .env'), '5:5', 'files are not read'],
    ['secrets', web('secrets: [a]'), '5:5', 'pass the value under environment'],
    ['network_mode', web('network_mode: host'), '5:5', 'share one network'],
    ['a port range', web('expose: ["3000-3005"]'), '5:14', 'must be one port'],
    ['a UDP port', web('expose: ["53/udp"]'), '5:14', 'only tcp'],
    ['a variable that is not set', web('command: run ${WHO}'), '5:5', '${WHO:-default}'],
    ['a variable that is required', web('command: run ${WHO:?who are you}'), '5:5', 'who are you'],
    ['an environment name in lower case', web('environment: { path: x }'), '5:20', 'upper-case'],
    ['a variable of whoever calls', web('environment: [HOME]'), '5:19', 'HOME: ${HOME}'],
    [
      'the end of a container',
      web('depends_on: { db: { condition: service_completed_successfully } }'),
      '5:19',
      'waits for the end',
    ],
    ['a dependency on nobody', web('depends_on: [db]'), '5:5', 'not the name of another'],
    [
      'health of what has no check',
      `${web('depends_on: { db: { condition: service_healthy } }')}  db: { image: b }\n`,
      '5:19',
      'has a healthcheck',
    ],
    [
      'a circle',
      `${web('depends_on: [db]')}  db: { image: b, depends_on: [web] }\n`,
      '5:5',
      'web → db → web',
    ],
    ['quotes that stay open', web('command: run "x'), '5:5', 'quotes are closed'],
    ['a health check that is none', web('healthcheck: { test: [] }'), '5:20', 'CMD-SHELL'],
    ['a time that is none', web('healthcheck: { test: x, interval: soon }'), '5:29', 'duration'],
    ['a size that is none', web('mem_limit: much'), '2:3', 'no size of memory'],
    ['more than Fargate has', web('mem_limit: 64G'), '1:1', '4096 at most'],
    ['no image', 'services:\n  web:\n    ports: ["80"]\n', '2:3', 'needs an image'],
    ['no port at all', 'services:\n  web:\n    image: a\n', '1:1', 'none has ports'],
    ['no services', 'version: "3"\n', '1:1', 'has no services'],
    [
      'an unknown key at the top',
      'services: {web: {image: a, ports: ["80"]}}\nservice: {}\n',
      '2:1',
      'is not known here',
    ],
    [
      'include',
      'include: [x.yaml]\nservices: {web: {image: a, ports: ["80"]}}\n',
      '1:1',
      'other files are not read',
    ],
    ['a key twice', 'services:\n  web: {image: a}\n  web: {image: b}\n', '3:3', 'unique'],
    ['YAML that is none', 'services:\n  web: [\n', '3:1', ''],
  ])('%s', (_what, text, place, advice) => {
    const faults = faultsOf(text);
    expect(faults.length).toBeGreaterThan(0);
    expect(faults.find((fault) => fault.includes(advice))).toContain(`${FILE}:${place}`);
  });

  test('all of it at once', () => {
    expect(
      faultsOf('services:\n  a: { build: ., privileged: true }\n  b: { image: B }\n').length,
    ).toBeGreaterThan(3);
  });

  test('a file that is too big, and aliases that would make it so', () => {
    expect(faultsOf(`# ${'x'.repeat(300_000)}`)).toEqual([`${FILE}: must be at most 256 KiB`]);
    const bomb = ['a: &a [x]'];
    for (let n = 0; n < 12; n += 1)
      bomb.push(
        `${String.fromCodePoint(98 + n)}: &${String.fromCodePoint(98 + n)} [${`*${String.fromCodePoint(97 + n)},`.repeat(9)}]`,
      );
    expect(faultsOf(bomb.join('\n'))).toHaveLength(1);
  });
});

test('whatever a file holds, the answer is a request or faults', () => {
  const key = fc.constantFrom(
    'services',
    'web',
    'db',
    'image',
    'ports',
    'environment',
    'depends_on',
    'healthcheck',
    'test',
    'volumes',
    'command',
    'deploy',
    'x-tempus',
    'public',
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof({ depthSize: 'medium' }, tie('leaf'), tie('map'), tie('list')),
    leaf: fc.oneof(
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.constantFrom('80', 'a', '${X}', '$$', 'service_healthy'),
    ),
    map: fc.dictionary(key, tie('tree'), { maxKeys: 5 }),
    list: fc.array(tie('tree'), { maxLength: 3 }),
  }));
  fc.assert(
    fc.property(fc.dictionary(key, tree, { maxKeys: 5 }), (root) => {
      const composed = compose(JSON.stringify({ services: root, ...root }), FILE, {});
      if ('faults' in composed) expect(composed.faults.length).toBeGreaterThan(0);
      else expect(composed.request.containers!.some((one) => one.public === true)).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test('durations, sizes and words are read as Compose reads them', () => {
  expect(['1m30s', '500ms', 10, '1h', 'x', ''].map(secondsOf)).toEqual([
    90,
    1,
    10,
    3600,
    undefined,
    undefined,
  ]);
  expect(['512M', '1.5gb', 1_048_576, '1k', 'much'].map(mebibytesOf)).toEqual([512, 1536, 1, 1, undefined]);
  expect(wordsOf(`a "b c" d\\ e '' "x\\"y" '\\'`)).toEqual(['a', 'b c', 'd e', '', 'x"y', '\\']);
  expect(wordsOf('a "b')).toBeUndefined();
});
