import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { type AwsClients, createClients } from '../../aws/clients.ts';
import { NAMES, LISTENER_PORT, provision } from '../../laptop/infrastructure.ts';
import { readSettings } from '../../laptop/settings.ts';
import { apiEnvironment, controllerEnvironment, type SplitPorts } from '../../laptop/split/environment.ts';
import { createTaskRuntime } from '../../laptop/task-runtime.ts';
import { registerWaitingRoom } from '../../laptop/waiting-target.ts';
import { type Cloud, startCloud } from '../../localcloud/cloud.ts';
import { systemClock as clock } from '../../platform/clock.ts';
import { silentLog as log } from '../../platform/log.ts';
import { systemRandom as random } from '../../platform/random.ts';
import type { PreviewView } from '../../preview/view.ts';
import { ask, freePort, ROOT, until } from '../e2e/laptop-process.ts';
import { inspect, NOTHING } from '../e2e/world.ts';
import { describeDocker, docker } from './engine.ts';
import { slimImage } from './images.ts';

const HOST = '127.0.0.1';
const CONTROL_PLANE = 'tempus-test/control-plane:1';
const HELLO = 'tempus-test/hello:1';
/** As a task on Fargate runs: a root that nobody writes to, no user's rights, and no way to get any. */
const CONFINED = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'];

function buildImage(target: string, tag: string, base: string): void {
  const args = [
    'build',
    '--quiet',
    '--build-arg',
    `NODE_IMAGE=${base}`,
    '--target',
    target,
    '--tag',
    tag,
    ROOT,
  ];
  // The engine's own builder: another one may not see images that only this engine has.
  execFileSync('docker', args, {
    env: { ...process.env, DOCKER_BUILDKIT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

const inspectImage = (tag: string, what: string) =>
  docker('image', 'inspect', '--format', `{{${what}}}`, tag);

describeDocker('the images of the product', (test) => {
  beforeAll(() => {
    execFileSync(process.execPath, ['deploy/build.ts'], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    const base = slimImage();
    buildImage('control-plane', CONTROL_PLANE, base);
    buildImage('hello', HELLO, base);
  }, 180_000);

  test.for([CONTROL_PLANE, HELLO])('%s has less than 200 MB, no user with rights, and no shell', (tag) => {
    expect(Number(inspectImage(tag, '.Size'))).toBeLessThan(200_000_000);
    expect(inspectImage(tag, '.Config.User')).toBe('65532:65532');
    const shell = spawnSync('docker', ['run', '--rm', '--entrypoint', '/bin/sh', tag, '-c', 'true']);
    expect(shell.status).not.toBe(0);
  });

  test('settings that are wrong are all named, and nothing runs', () => {
    const env = ['--env', 'AWS_REGION=us-east-1', '--env', 'TEMPUS_API_PORT=none'];
    const { status, stderr } = spawnSync('docker', ['run', '--rm', ...CONFINED, ...env, CONTROL_PLANE], {
      encoding: 'utf8',
    });
    expect(status).not.toBe(0);
    for (const name of ['TEMPUS_API_PORT', 'TEMPUS_LOG_GROUP', 'TEMPUS_DEFAULT_IMAGE'])
      expect(stderr).toContain(name);
  });

  test.for([
    ['controller', /^\S+:9464\/healthz does not answer: .*ECONNREFUSED.*\n$/],
    ['constructor', /^there is no part constructor; name one of api, controller\n$/],
    [undefined, /:4000\/health does not answer.*\n.*:9464\/healthz does not answer/],
  ] as const)('the health check of %s says why it fails where nothing answers', ([part, why]) => {
    const { status, stderr } = spawnSync(
      'docker',
      ['run', '--rm', ...CONFINED, CONTROL_PLANE, '/app/health.js', ...(part ? [part] : [])],
      { encoding: 'utf8' },
    );
    expect(status).toBe(1);
    expect(stderr).toMatch(why);
  });
});

describeDocker('API and controller in containers', (test) => {
  let home: string;
  let cloud: Cloud;
  let clients: AwsClients;
  let ports: SplitPorts;
  let api: string;
  let controllerArgs: string[];
  const running = new Set<string>();

  const start = (environment: Readonly<Record<string, string>>, ...command: string[]) => {
    const env = Object.entries(environment).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
    const id = docker('run', '--detach', '--network', 'host', ...CONFINED, ...env, CONTROL_PLANE, ...command);
    running.add(id);
    return id;
  };
  const call = async (path: string, method = 'GET', body?: object): Promise<PreviewView> => {
    const headers = { 'content-type': 'application/json' };
    const reply = await ask(`http://${HOST}:${ports.api}${path}`, {
      method,
      headers,
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    if (reply.status >= 300) throw new Error(`${reply.status} ${reply.text}`);
    return JSON.parse(reply.text) as PreviewView;
  };
  const reach = (id: string, phase: string, ms = 60_000) =>
    until(
      `${phase} of ${id}`,
      async () => {
        const view = await call(`/preview/${id}`);
        return view.phase === phase && view;
      },
      ms,
    );

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'tempus-images-'));
    const [apiPort, router, aws, lambda, waiting, one, two] = await Promise.all(
      Array.from({ length: 7 }, freePort),
    );
    ports = {
      api: apiPort!,
      router: router!,
      aws: aws!,
      lambda: lambda!,
      waiting: waiting!,
      health: [one!, two!],
    };
    cloud = await startCloud({
      clock,
      random,
      log,
      host: HOST,
      path: join(home, 'localcloud'),
      awsPort: ports.aws,
      listenerPorts: { [LISTENER_PORT]: ports.router },
      runtime: createTaskRuntime({ choice: 'docker', home, cloud: home, env: process.env, log }),
      functions: { [NAMES.expire_function]: async () => undefined },
    });
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    clients = createClients({ region: 'us-east-1', endpoint: cloud.endpoint, credentials });
    const { listenerArn } = await provision(clients);
    const waiting_target_group = await registerWaitingRoom(clients, { host: HOST, port: ports.waiting });
    const settings = readSettings({ TEMPUS_HOME: home }, home);
    api = start({ ...apiEnvironment(settings, ports), TEMPUS_DEFAULT_IMAGE: HELLO });
    const provisioned = { listener_arn: listenerArn, waiting_target_group };
    const environment = controllerEnvironment(settings, ports, 0, provisioned);
    controllerArgs = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    await until('the API', async () => (await ask(`http://${HOST}:${ports.api}/health`)).status === 200);
  }, 120_000);

  afterAll(async () => {
    for (const id of running) docker('rm', '--force', id);
    clients.destroy();
    await cloud.stop();
    rmSync(home, { recursive: true, force: true });
  }, 60_000);

  const startController = () =>
    start(
      Object.fromEntries(
        controllerArgs.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
      ),
      '/app/controller/main.js',
    );
  const healthOf = (id: string) => docker('inspect', '--format', '{{.State.Health.Status}}', id);
  const inContainer = (id: string, part: string) =>
    spawnSync('docker', ['exec', id, '/usr/local/bin/node', '/app/health.js', part], { encoding: 'utf8' });

  test('serve a whole life of the sample app, and another controller goes on where one was killed', async () => {
    const first = startController();
    const { id } = await call('/preview/create', 'POST', { ttl_hours: 2 });
    await until(
      'the first resource',
      async () => (await inspect({ aws: cloud.endpoint })).targetGroups.length > 0,
    );
    docker('kill', first);
    const second = startController();
    const ready = await reach(id, 'Ready', 90_000);
    expect(ready.spec).toMatchObject({ image: HELLO });
    const host = `preview-${id}.localhost:${ports.router}`;
    const page = await ask(`http://${HOST}:${ports.router}/`, { host });
    expect(page).toMatchObject({ status: 200, text: expect.stringContaining(id) as string });
    for (const [container, part] of [
      [api, 'api'],
      [second, 'controller'],
    ] as const) {
      expect(inContainer(container, part)).toMatchObject({ status: 0, stderr: '' });
      // The image's own check, which does not know which part it is in.
      await until(`a healthy ${part}`, async () => healthOf(container) === 'healthy', 30_000);
    }

    await call(`/preview/${id}`, 'DELETE');
    const gone = await reach(id, 'Deleted', 120_000);
    expect(gone.receipt).toMatchObject({ deleted: gone.receipt.created, left_over: 0 });
    expect(await inspect({ aws: cloud.endpoint })).toEqual(NOTHING);
    for (const container of [api, second]) {
      docker('stop', '--time', '20', container);
      expect(docker('inspect', '--format', '{{.State.ExitCode}}', container)).toBe('0');
    }
  }, 300_000);
});
