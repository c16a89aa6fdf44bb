import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { systemClock as clock, toSeconds } from '../platform/clock.ts';
import { orphan, runTask, slot } from './doctor-leftovers.ts';
import { NAMES, useDoctor } from './doctor-world.ts';
import { allowing, defectsOf, listOf, type Statement } from './iam/policy.ts';

const world = useDoctor();

const ago = (ms: number) => new Date(Date.now() - ms);
const minutes = (n: number) => n * 60_000;
const DENIED = {
  status: 400,
  body: '{"__type":"AccessDeniedException","message":"User: somebody is not authorized to perform it"}',
};

describe('the policy in docs/doctor.md', () => {
  const page = readFileSync(new URL('../docs/doctor.md', import.meta.url), 'utf8');
  const json = /```json\n(.*?)```/s.exec(page)?.[1] ?? '';
  const { Statement: statements } = JSON.parse(json.replaceAll('INSTALL', 'tempus')) as {
    Statement: Statement[];
  };
  const PREFIX: Readonly<Record<string, string>> = { elbv2: 'elasticloadbalancing', quotas: 'servicequotas' };

  test('allows what doctor asks, and nothing else', async () => {
    await orphan(world, 1);
    await slot(world, 2);
    await runTask(world);
    await world.diagnose();
    const asked = world.asked.map(({ service, operation }) => `${PREFIX[service] ?? service}:${operation}`);
    const allowed = new Set(statements.flatMap(({ Action }) => listOf(Action)));
    // Nobody needs a right to ask who he is.
    allowed.add('sts:GetCallerIdentity');
    expect([...new Set(asked)].toSorted()).toEqual([...allowed].toSorted());
    for (const statement of statements) expect(await defectsOf(statement)).toEqual([]);
    const tokens = {
      action: 'dynamodb:GetItem',
      resources: [],
      context: { 'dynamodb:LeadingKeys': ['token#1'] },
    };
    const table = 'arn:aws:dynamodb:us-east-1:123456789012:table/tempus-coordination';
    expect(allowing(statements, tokens, table)).toEqual([]);
  });
});

describe('the API', () => {
  test('one that is dead has failed, and AWS is looked at all the same', async () => {
    const TEMPUS_SERVER = world.server.url;
    await world.server.close();
    const run = await world.diagnose(['--aws'], { TEMPUS_SERVER });
    expect([run.code, run.failed]).toEqual([1, ['api']]);
    expect(run.one('api')).toMatchObject({ finding: `no answer from ${TEMPUS_SERVER}` });
    expect(run.one('api').means).toContain('ECONNREFUSED');
    expect(run.one('sweep')).toMatchObject({ state: 'skipped' });
    expect(run.one('orphans')).toMatchObject({ state: 'ok' });
  });

  test('one that never answers is given up', async () => {
    world.server.twist = () => 'hang';
    const start = clock.monotonic();
    const run = await world.diagnose(['--no-aws']);
    expect([run.code, run.failed]).toEqual([1, ['api']]);
    expect(run.one('api').means).toContain('no answer within 10 s');
    expect(clock.monotonic() - start).toBeLessThan(40_000);
  });

  test('another program at its address is told from it', async () => {
    const other = createServer((_request, response) => response.end('hello'));
    await once(other.listen(0, '127.0.0.1'), 'listening');
    const TEMPUS_SERVER = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    const run = await world.diagnose(['--no-aws'], { TEMPUS_SERVER });
    other.close();
    expect([run.code, run.one('api').means]).toEqual([1, 'Another program listens there.']);
  });

  test('no token, a wrong one and one that may only look each have their fix', async () => {
    await world.serveAnew({ auth: 'token' });
    const none = await world.diagnose();
    expect([none.code, none.failed]).toEqual([1, ['token']]);
    expect(none.one('token').fix).toContain('export TEMPUS_TOKEN=tmp_');
    const wrong = await world.diagnose(['--aws'], { TEMPUS_TOKEN: 'nonsense' });
    expect(wrong.one('token').finding).toContain('the token is malformed');
    const wish = { kind: 'user', owner: 'ann', ttl_days: 1, created_by: 'test' } as const;
    const read = await world.tokens.create({ ...wish, scope: 'read' }, clock.now());
    const looks = await world.diagnose(['--aws'], { TEMPUS_TOKEN: read.text });
    expect([looks.code, looks.one('token')]).toMatchObject([
      0,
      { state: 'warn', finding: 'accepted as ann, scope read' },
    ]);
    const write = await world.tokens.create({ ...wish, scope: 'write' }, clock.now());
    const may = await world.diagnose(['--aws'], { TEMPUS_TOKEN: write.text });
    expect(may.one('token')).toMatchObject({ state: 'ok', facts: { owner: 'ann', scope: 'write' } });
    expect(may.stdout).not.toContain(write.text);
  });
});

describe('the clock', () => {
  test('seconds off is to be looked at, minutes off has failed, against the API and AWS alike', async () => {
    world.aws.shiftMs = 30_000;
    world.server.shiftMs = minutes(-10);
    const run = await world.diagnose();
    expect(run.code).toBe(1);
    const skew = (check: string) => run.one(check).facts['skew_s'] as number;
    expect(run.one('clock of aws')).toMatchObject({ state: 'warn' });
    expect(run.one('clock of aws').finding).toMatch(/^this machine is \d+s behind AWS$/);
    expect(run.one('clock of the api')).toMatchObject({ state: 'fail' });
    expect(run.one('clock of the api').finding).toMatch(/^this machine is [\dms ]+ ahead of the API$/);
    // Told no larger than it is, and smaller by what the answer took.
    expect([skew('clock of aws') <= 30, skew('clock of aws') > 10]).toEqual([true, true]);
    expect([skew('clock of the api') >= -600, skew('clock of the api') < -580]).toEqual([true, true]);
    expect(run.one('clock of aws').fix).toContain('timedatectl');
  });
});

describe('credentials', () => {
  const NONE = { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined };

  test('none at all has failed, and the rest of AWS is said not to have been looked at', async () => {
    const run = await world.diagnose(['--aws'], NONE);
    expect([run.code, run.failed]).toEqual([1, ['credentials']]);
    expect(run.one('credentials')).toMatchObject({
      finding: 'there are no AWS credentials',
      fix: expect.stringContaining('aws sso login') as string,
    });
    expect(run.one('orphans')).toMatchObject({ state: 'skipped' });
    expect(world.asked).toEqual([]);
  });

  test.each([
    ['ExpiredToken', 'the AWS credentials have expired'],
    ['InvalidClientTokenId', 'AWS does not know these credentials'],
  ])('%s is told from the others', async (code, finding) => {
    const body = `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>no</Message></Error></ErrorResponse>`;
    world.aws.twist = (call) =>
      call === 'GetCallerIdentity'
        ? { status: 403, headers: { 'content-type': 'text/xml' }, body }
        : undefined;
    const run = await world.diagnose(['--aws'], { AWS_PROFILE: undefined });
    expect([run.code, run.one('credentials').finding]).toEqual([1, finding]);
  });

  test('no Region has failed, and says so where only the other command’s variable is set', async () => {
    const run = await world.diagnose(['--aws'], {
      AWS_REGION: undefined,
      AWS_DEFAULT_REGION: 'eu-central-1',
    });
    expect([run.code, run.failed]).toEqual([1, ['region']]);
    expect(run.one('region')).toMatchObject({
      finding: 'no Region is set',
      fix: 'give --region, or export AWS_REGION=eu-central-1',
    });
    expect(run.one('region').means).toContain('AWS_DEFAULT_REGION');
    const given = await world.diagnose(['--region', 'us-east-1'], { AWS_REGION: undefined });
    expect([given.code, given.one('region').facts]).toEqual([0, { region: 'us-east-1', source: '--region' }]);
  });

  test('profiles are used as the SDK does, and named as where the Region is from', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tempus-doctor-'));
    writeFileSync(join(folder, 'config'), '[profile qa]\nregion = us-east-1\n');
    writeFileSync(
      join(folder, 'credentials'),
      '[qa]\naws_access_key_id = somebody\naws_secret_access_key = secret\n',
    );
    const run = await world.diagnose(['--aws'], {
      ...NONE,
      AWS_REGION: undefined,
      AWS_PROFILE: 'qa',
      AWS_CONFIG_FILE: join(folder, 'config'),
      AWS_SHARED_CREDENTIALS_FILE: join(folder, 'credentials'),
    });
    rmSync(folder, { recursive: true });
    expect([run.code, run.one('region').facts, run.one('credentials').state]).toEqual([
      0,
      { region: 'us-east-1', source: 'profile qa' },
      'ok',
    ]);
  });

  test('a right that is missing is named, and everything else is looked at', async () => {
    world.aws.twist = (call) =>
      ['DescribeContinuousBackups', 'GetServiceQuota'].includes(call) ? DENIED : undefined;
    const run = await world.diagnose();
    expect([run.code, run.failed]).toEqual([0, []]);
    expect(run.one('table previews')).toMatchObject({
      state: 'skipped',
      finding: 'not allowed: dynamodb:DescribeContinuousBackups',
      fix: expect.stringContaining('docs/doctor.md') as string,
    });
    expect(run.one('fargate spot').finding).toBe('not allowed: servicequotas:GetServiceQuota');
    expect(run.one('orphans')).toMatchObject({ state: 'ok' });
  });

  test('what may not be listed hides no orphan of another kind', async () => {
    await orphan(world, 1);
    world.aws.twist = (call) => (call === 'ListServices' ? DENIED : undefined);
    const run = await world.diagnose();
    expect(run.of('orphans')).toMatchObject([
      {
        state: 'warn',
        finding: expect.stringMatching(/^4 without .* \(in what could be listed\)$/) as string,
      },
      { state: 'skipped', finding: 'not allowed: ecs:ListServices' },
    ]);
  });

  test('an endpoint that hangs is given up, by name', async () => {
    world.aws.twist = (call) => (call === 'DescribeClusters' ? 'hang' : undefined);
    const start = clock.monotonic();
    const run = await world.diagnose();
    expect(clock.monotonic() - start).toBeLessThan(40_000);
    expect([run.code, run.failed]).toEqual([1, ['cluster']]);
    expect(run.one('cluster').finding).toBe('no answer from AWS to ecs:DescribeClusters');
    world.aws.twist = () => 'hang';
    const dead = await world.diagnose();
    expect([dead.code, dead.failed]).toEqual([1, ['credentials']]);
  });
});

describe('laptop mode', () => {
  test('its AWS is not looked at unless that is asked for, and that is said', async () => {
    await world.record(1, { phase: 'Ready', expires_at: toSeconds(ago(minutes(6))) });
    const { code, one, checks } = await world.diagnose([]);
    expect([code, one('records')]).toMatchObject([1, { state: 'fail' }]);
    expect(one('aws')).toMatchObject({
      state: 'skipped',
      finding: expect.stringContaining('--aws') as string,
    });
    expect(one('node')).toMatchObject({ state: 'ok' });
    expect(['ok', 'warn']).toContain(one('docker').state);
    expect(checks.map(({ check }) => check)).not.toContain('credentials');
    expect(world.asked).toEqual([]);
  });

  test('a machine without Docker is told what that means', async () => {
    const { code, one } = await world.diagnose([], { PATH: '/nonexistent' });
    expect([code, one('docker')]).toMatchObject([
      0,
      { state: 'warn', finding: 'no engine answers: there is no docker command' },
    ]);
  });
});

describe('the command', () => {
  test.each([
    ['--install', 'Tempus'],
    ['--install', 'a-name-that-is-too-long'],
  ])('%s %s is a mistake in usage', async (flag, value) => {
    const { code, stderr } = await world.run(['doctor', flag, value]);
    expect([code, stderr]).toEqual([2, expect.stringContaining('1 to 16')]);
  });

  test('tells each failure with its meaning and fix, and which checks have failed on stderr', async () => {
    await world.clients.scheduler.deleteScheduleGroup({ Name: NAMES.fuses });
    const { code, stdout, stderr } = await world.run(['doctor', '--aws']);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /\nfail: fuses: the schedule group tempus-fuses is not there\n {2}means: No preview can be started.*\n {2}fix: {3}make deploy\n/,
    );
    expect(stderr).toMatch(/^error: 1 check has failed\n {2}fuses\n/);
  });

  test('is the only one that loads the AWS SDK', async () => {
    const hook =
      'import { registerHooks } from "node:module";' +
      'const load = (url, context, next) => {' +
      '  if (url.includes("@aws-sdk")) process.stderr.write("loads the SDK");' +
      '  return next(url, context);' +
      '};' +
      'registerHooks({ load });';
    const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(hook)}`;
    expect(await world.run(['ls'], { NODE_OPTIONS })).toMatchObject({ code: 0, stderr: '' });
    expect((await world.run(['doctor', '--no-aws'], { NODE_OPTIONS })).stderr).toBe('');
    expect((await world.run(['doctor', '--aws'], { NODE_OPTIONS })).stderr).toContain('loads the SDK');
  });
});
