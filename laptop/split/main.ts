import { connect } from 'node:net';
import { resolve } from 'node:path';
import { createClients } from '../../aws/clients.ts';
import { systemClock as clock } from '../../platform/clock.ts';
import { ConfigError, type Env, processEnv } from '../../platform/config.ts';
import { stopRequested } from '../../platform/signals.ts';
import { print, printError } from '../../platform/terminal.ts';
import { Home } from '../home.ts';
import { provision } from '../infrastructure.ts';
import { choosePort } from '../ports.ts';
import { type LaptopSettings, readSettings } from '../settings.ts';
import { requireEngine } from '../task-runtime.ts';
import { registerWaitingRoom } from '../waiting-target.ts';
import {
  apiEnvironment,
  cloudEnvironment,
  controllerEnvironment,
  engineEnvironment,
  lambdaEnvironment,
  machineEnvironment,
  type Provisioned,
  type SplitPorts,
} from './environment.ts';
import { Part } from './part.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const CONTROLLERS = 2;
const HOME = '.tempus/split';
const LISTENS_WITHIN_MS = 20_000;
const LOOK_MS = 50;

/** Tempus as on AWS, on one machine: every part a process of its own, with nothing but endpoints in common. */
async function main(): Promise<void> {
  const env = processEnv();
  const settings = readSettings({ ...env, TEMPUS_HOME: env['TEMPUS_HOME'] || HOME }, ROOT);
  const home = Home.take(settings.home, process.pid);
  try {
    await run(settings, env, home);
  } finally {
    home.release();
  }
}

async function run(settings: LaptopSettings, env: Env, home: Home): Promise<void> {
  await requireEngine(settings.runtime, env);
  const ports = await choosePorts(settings);
  const cloudDied = Promise.withResolvers<'cloud died'>();
  const { home: folder } = settings;
  const part = (name: string, file: string, own: Record<string, string>) =>
    new Part({
      name,
      file,
      env: { ...machineEnvironment(env), ...own },
      home: folder,
      clock,
      restarts: true,
      onDeath: () => print(`${name} has ended by itself and is started anew (log: ${folder}/${name}.log)`),
    });
  const cloud = new Part({
    name: 'localcloud',
    file: 'laptop/split/cloud.ts',
    env: { ...engineEnvironment(env), ...cloudEnvironment(settings, ports) },
    home: folder,
    clock,
    // Without it there is nothing that the others could do, and what ran on it is gone.
    restarts: false,
    onDeath: () => cloudDied.resolve('cloud died'),
  });
  const parts: Part[] = [];
  const begin = async (...begun: Part[]) => {
    for (const one of begun) {
      await one.start();
      parts.push(one);
    }
  };
  try {
    await cloud.start();
    await listens(settings.host, ports.aws, 'localcloud', settings.home);
    const provisioned = await provisionAt(settings, ports);
    await begin(
      part('lambda', 'laptop/split/lambda.ts', lambdaEnvironment(settings, ports)),
      part('api', 'api/main.ts', apiEnvironment(settings, ports)),
      ...Array.from({ length: CONTROLLERS }, (_, n) =>
        part(`controller-${n}`, 'controller/main.ts', controllerEnvironment(settings, ports, n, provisioned)),
      ),
    );
    await listens(settings.host, ports.api, 'api', settings.home);
    home.announce(`http://${settings.host}:${ports.api}`);
    greet(settings, ports);
    const why = await Promise.race([stopRequested(), cloudDied.promise]);
    if (why === 'cloud died') {
      printError(`localcloud has ended by itself; see ${settings.home}/localcloud.log. Stopping the rest.`);
      process.exitCode = 1;
    } else print('Stopping. Previews keep their records; the next start takes them up again.');
  } finally {
    // The cloud last: a controller that winds up makes calls.
    await Promise.all(parts.map((one) => one.stop()));
    await cloud.stop();
  }
}

async function choosePorts(settings: LaptopSettings): Promise<SplitPorts> {
  const taken = new Set<number>();
  const choose = async (wish: LaptopSettings['api']) => {
    const { port } = await choosePort(settings.host, wish, taken);
    taken.add(port);
    return port;
  };
  const any = (port: number) => choose({ setting: 'a port of its own', port, asked: false });
  return {
    api: await choose(settings.api),
    router: await choose(settings.router),
    aws: await choose(settings.aws),
    lambda: await any(9001),
    waiting: await any(8090),
    health: [await any(9464), await any(9464)],
  };
}

/** What Terraform does on AWS, done once before anything of Tempus runs. */
async function provisionAt({ host }: LaptopSettings, { aws, waiting }: SplitPorts): Promise<Provisioned> {
  const credentials = { accessKeyId: 'split', secretAccessKey: 'split' };
  const clients = createClients({ region: 'us-east-1', endpoint: `http://${host}:${aws}`, credentials });
  try {
    const { listenerArn } = await provision(clients);
    const waiting_target_group = await registerWaitingRoom(clients, { host, port: waiting });
    return { listener_arn: listenerArn, waiting_target_group };
  } finally {
    clients.destroy();
  }
}

/** Resolves when something takes connections there. Throws ConfigError when nothing does in time. */
async function listens(host: string, port: number, name: string, home: string): Promise<void> {
  const end = clock.monotonic() + LISTENS_WITHIN_MS;
  while (!(await connects(host, port))) {
    if (clock.monotonic() > end)
      throw new ConfigError(`${name} does not listen on port ${port}; see ${home}/${name}.log`);
    await clock.sleep(LOOK_MS);
  }
}

function connects(host: string, port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, host, () => {
      socket.destroy();
      done(true);
    });
    socket.on('error', () => done(false));
  });
}

function greet({ host, home }: LaptopSettings, ports: SplitPorts): void {
  print(
    `Tempus split mode: localcloud, Lambda, API and ${CONTROLLERS} controllers, each a process of its own`,
  );
  print(`  API       http://${host}:${ports.api}`);
  print(`  Previews  http://preview-<id>.localhost:${ports.router}/`);
  print(`  AWS       http://${host}:${ports.aws}`);
  print(`  Health    ${ports.health.map((port) => `http://${host}:${port}/metrics`).join('  ')}`);
  print(`  Logs      ${home}/*.log`);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  printError(error.message);
  process.exitCode = 1;
}
