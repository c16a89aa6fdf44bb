import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AwsClients, createClients } from '../../aws/clients.ts';
import { LISTENER_PORT, NAMES, provision } from '../../laptop/infrastructure.ts';
import { readSettings } from '../../laptop/settings.ts';
import {
  apiEnvironment,
  controllerEnvironment,
  machineEnvironment,
  type SplitPorts,
} from '../../laptop/split/environment.ts';
import { Part } from '../../laptop/split/part.ts';
import { createTaskRuntime } from '../../laptop/task-runtime.ts';
import { registerWaitingRoom } from '../../laptop/waiting-target.ts';
import { type Cloud, startCloud } from '../../localcloud/cloud.ts';
import { systemClock as clock } from '../../platform/clock.ts';
import { silentLog as log } from '../../platform/log.ts';
import { systemRandom as random } from '../../platform/random.ts';
import { FakeEcr, type FakeEcrOptions } from '../fakes/ecr.ts';
import { freePort } from '../e2e/laptop-process.ts';
import type { World } from '../e2e/world.ts';

const HOST = '127.0.0.1';

/** What the stand-in for Terraform has done, in its order, and what it saw standing when it was to destroy. */
export interface Deed {
  what: 'apply' | 'destroy';
  isBootstrap: boolean;
  /** Names of the settings of Terraform in its environment. */
  told: string[];
  world?: World & { live: number };
}

/** An account: localcloud and the fake of ECR, buckets that are folders, and the control plane as processes of their own. */
export class Account {
  readonly home = mkdtempSync(join(tmpdir(), 'tempus-account-'));
  readonly buckets = join(this.home, 'buckets');
  readonly #journal = join(this.home, 'journal.jsonl');
  readonly outputs = join(this.home, 'outputs.json');
  readonly #parts: Part[] = [];
  readonly ecr: FakeEcr;
  readonly cloud: Cloud;
  readonly clients: AwsClients;
  readonly ports: SplitPorts;
  #controller: Record<string, string> = {};

  readonly #tasks: string;

  private constructor(ecr: FakeEcr, cloud: Cloud, ports: SplitPorts, clients: AwsClients, tasks: string) {
    this.#tasks = tasks;
    this.ecr = ecr;
    this.cloud = cloud;
    this.ports = ports;
    this.clients = clients;
    mkdirSync(this.buckets);
  }

  static async open(options: FakeEcrOptions = {}): Promise<Account> {
    const [api, router, aws, lambda, waiting, one] = (await Promise.all(
      Array.from({ length: 6 }, freePort),
    )) as [number, number, number, number, number, number];
    const ports: SplitPorts = { api, router, aws, lambda, waiting, health: [one] };
    const home = mkdtempSync(join(tmpdir(), 'tempus-account-tasks-'));
    const cloud = await startCloud({
      clock,
      random,
      log,
      host: HOST,
      awsPort: aws,
      listenerPorts: { [LISTENER_PORT]: router },
      runtime: createTaskRuntime({ choice: 'process', home, cloud: home, env: process.env, log }),
      functions: { [NAMES.expire_function]: async () => undefined },
    });
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    const clients = createClients({ region: 'us-east-1', endpoint: cloud.endpoint, credentials });
    return new Account(await FakeEcr.start(options), cloud, ports, clients, home);
  }

  /** What a deployer of this account has in the environment. */
  get env(): Record<string, string> {
    return {
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_ENDPOINT_URL: this.cloud.endpoint,
      AWS_ENDPOINT_URL_ECR: this.ecr.endpoint,
      STAND_IN_BUCKETS: this.buckets,
      STAND_IN_JOURNAL: this.#journal,
      STAND_IN_OUTPUTS: this.outputs,
    };
  }

  /** Prepares what Terraform's outputs will say: that the control plane is where these processes will be. */
  async prepare(): Promise<void> {
    const { listenerArn } = await provision(this.clients);
    const waiting_target_group = await registerWaitingRoom(this.clients, {
      host: HOST,
      port: this.ports.waiting,
    });
    const settings = readSettings({ TEMPUS_HOME: this.home }, this.home);
    this.#controller = controllerEnvironment(settings, this.ports, 0, {
      listener_arn: listenerArn,
      waiting_target_group,
    });
    const told = Object.entries(this.#controller).filter(([name]) => name.startsWith('TEMPUS_'));
    const environment = told.map(([name, value]) => ({ name, value }));
    const outputs = {
      region: 'us-east-1',
      api_url: `http://${HOST}:${this.ports.api}`,
      containers: { controller: { environment } },
    };
    writeFileSync(this.outputs, JSON.stringify(outputs));
  }

  startApi(): Promise<Part> {
    const settings = readSettings({ TEMPUS_HOME: this.home }, this.home);
    return this.#start('api', 'api/main.ts', {
      ...apiEnvironment(settings, this.ports),
      TEMPUS_AUTH: 'token',
    });
  }

  startController(): Promise<Part> {
    return this.#start('controller', 'controller/main.ts', this.#controller);
  }

  async #start(name: string, file: string, env: Record<string, string>): Promise<Part> {
    const environment = { ...machineEnvironment(process.env), ...env };
    const part = new Part({
      name,
      file,
      env: environment,
      home: this.home,
      clock,
      restarts: false,
      onDeath: () => undefined,
    });
    await part.start();
    this.#parts.push(part);
    return part;
  }

  deeds(): Deed[] {
    if (!existsSync(this.#journal)) return [];
    return readFileSync(this.#journal, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Deed);
  }

  bucketNames(): string[] {
    return readdirSync(this.buckets);
  }

  async close(): Promise<void> {
    await Promise.all(this.#parts.map((part) => part.stop()));
    this.clients.destroy();
    await this.cloud.stop();
    await this.ecr.stop();
    for (const folder of [this.home, this.#tasks]) rmSync(folder, { recursive: true, force: true });
  }
}
