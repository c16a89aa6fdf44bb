import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClients } from '../../../aws/clients.ts';
import { TempusClient } from '../../../client/client.ts';
import { observe } from '../../../lambda/observe.ts';
import { LISTENER_PORT, NAMES, provision } from '../../../laptop/infrastructure.ts';
import { readSettings } from '../../../laptop/settings.ts';
import {
  apiEnvironment,
  controllerEnvironment,
  machineEnvironment,
  type SplitPorts,
} from '../../../laptop/split/environment.ts';
import { Part } from '../../../laptop/split/part.ts';
import { registerWaitingRoom } from '../../../laptop/waiting-target.ts';
import { type Cloud, startCloud } from '../../../localcloud/cloud.ts';
import { Realism } from '../../../localcloud/realism/realism.ts';
import type { WireCall } from '../../../localcloud/wire/server.ts';
import { systemClock as clock } from '../../../platform/clock.ts';
import { processEnv } from '../../../platform/config.ts';
import { silentLog as log } from '../../../platform/log.ts';
import { systemRandom as random } from '../../../platform/random.ts';
import { PreviewStore } from '../../../preview/store.ts';
import { httpProbe, isPreviewAnswer } from '../../../reconcilers/probe.ts';
import { freePort, ROOT, until } from '../../e2e/laptop-process.ts';
import { AnsweringRuntime } from './answering-runtime.ts';
import { Sightings } from './sightings.ts';
import { watchStream } from './stream-watch.ts';

export interface InstallOptions {
  /** How much of AWS's delays; its rates are whole in any case. */
  realism: number;
  rate_share: number;
  /** What the account may run, in vCPU. A team raises it by Service Quotas, L-3032A538: see docs/localcloud.md. */
  vcpus: number;
  /** Sees every call, besides. */
  onCall?: (call: WireCall) => void;
}

const HOST = '127.0.0.1';
const REGION = 'us-east-1';
/** How often the way through the load balancer is tried once a rule is open; the end of that stage is as exact. */
const LIVE_POLL_MS = 25;
const STARTS_WITHIN_MS = 60_000;

/**
 * Tempus as Terraform installs it on AWS: the API and one controller, each a process of its own with the environment of its
 * task and so with production's pace, events on, and a domain, so that each preview has one rule; and localcloud with
 * realism in this process, where everything can be watched.
 */
export class Install {
  readonly sightings = new Sightings(clock);
  readonly #home = mkdtempSync(join(tmpdir(), 'tempus-ready-'));
  readonly #ends: (() => Promise<void> | void)[] = [];
  readonly #options: InstallOptions;
  #client: TempusClient | undefined;
  #clients: ReturnType<typeof createClients> | undefined;
  #ports: SplitPorts | undefined;
  #listenerArn = '';
  #failure: Error | undefined;

  private constructor(options: InstallOptions) {
    this.#options = options;
  }

  /** Resolves when the controller leads. Leaves nothing running when something does not start. */
  static async start(options: InstallOptions): Promise<Install> {
    const install = new Install(options);
    try {
      await install.#start();
      return install;
    } catch (error) {
      await install.stop();
      throw error;
    }
  }

  /** Asks for a preview, the sample app as `{"ttl_hours": 2}` deploys it, of 0.25 vCPU. Answers its id. */
  async create(): Promise<string> {
    if (!this.#client) throw new Error('the install is not started');
    const asked = clock.monotonic();
    const { id } = await this.#client.create({ ttl_hours: 2 });
    this.sightings.note(id, 'asked', asked);
    return id;
  }

  /** Whether the preview is Ready. Throws where a part has ended by itself. */
  isReady(id: string): boolean {
    if (this.#failure) throw this.#failure;
    return this.sightings.readyAt(id) !== undefined;
  }

  /** Whose preview each rule is, by its ARN. */
  async rules(): Promise<Map<string, string>> {
    const { Rules = [] } =
      (await this.#clients?.elbv2.describeRules({ ListenerArn: this.#listenerArn, PageSize: 400 })) ?? {};
    return new Map(
      Rules.flatMap(({ RuleArn = '', Conditions = [] }) => {
        const host = Conditions[0]?.HostHeaderConfig?.Values?.[0];
        const id = host && /^preview-([0-9a-f]{8})\./.exec(host)?.[1];
        return id ? [[RuleArn, id] as const] : [];
      }),
    );
  }

  async stop(): Promise<void> {
    for (const end of this.#ends.splice(0).toReversed()) await end();
    rmSync(this.#home, { recursive: true, force: true });
  }

  async #start(): Promise<void> {
    const ports = {
      api: await freePort(),
      router: await freePort(),
      aws: await freePort(),
      lambda: await freePort(),
      waiting: await freePort(),
      health: [await freePort()],
    };
    this.#ports = ports;
    const cloud = await this.#startCloud(ports);
    const clients = createClients({
      region: REGION,
      endpoint: cloud.endpoint,
      credentials: { accessKeyId: 'terraform', secretAccessKey: 'bench' },
    });
    this.#ends.push(() => clients.destroy());
    this.#clients = clients;
    const { listenerArn } = await provision(clients);
    this.#listenerArn = listenerArn;
    const waiting_target_group = await registerWaitingRoom(clients, { host: HOST, port: ports.waiting });
    await this.#watch(cloud);
    await this.#startParts(ports, { listener_arn: listenerArn, waiting_target_group });
    const client = new TempusClient({ server: `http://${HOST}:${ports.api}`, clock });
    this.#client = client;
    const isUp = (url: string) =>
      fetch(url).then(
        ({ ok }) => ok,
        () => false,
      );
    await until('the API', () => isUp(`${client.server}/health`), STARTS_WITHIN_MS);
    await until('the leader', () => isUp(`http://${HOST}:${ports.health[0]}/readyz`), STARTS_WITHIN_MS);
  }

  async #startCloud(ports: SplitPorts): Promise<Cloud> {
    const { realism: factor, vcpus, onCall } = this.#options;
    let store: PreviewStore | undefined;
    const cloud = await startCloud({
      clock,
      random,
      log,
      host: HOST,
      awsPort: ports.aws,
      listenerPorts: { [LISTENER_PORT]: ports.router },
      runtime: new AnsweringRuntime((id) => this.sightings.note(id, 'checked')),
      functions: { [NAMES.expire_function]: async () => undefined },
      realism: new Realism({ clock, random, factor, vcpus }),
      events: async (event) => {
        this.sightings.event(event);
        if (store) await observe(event, { store, cluster: NAMES.cluster, log });
      },
      onCall: (call) => {
        this.sightings.call(call);
        onCall?.(call);
        this.#awaitOpened(call);
      },
    });
    this.#ends.push(() => cloud.stop());
    const credentials = { accessKeyId: 'tempus-lambda', secretAccessKey: 'bench' };
    const lambda = createClients({ region: REGION, endpoint: cloud.endpoint, credentials });
    this.#ends.push(() => lambda.destroy());
    store = new PreviewStore({ client: lambda.document, table: NAMES.previews });
    return cloud;
  }

  async #watch({ database }: Cloud): Promise<void> {
    const stopping = new AbortController();
    const watching = watchStream(
      { database, table: NAMES.previews, clock },
      ({ id, kind }) => this.sightings.note(id, `${kind}_readable`),
      stopping.signal,
    ).catch((error: unknown) => this.#failed(error));
    this.#ends.push(async () => {
      stopping.abort();
      await watching;
    });
  }

  async #startParts(
    ports: SplitPorts,
    alb: { listener_arn: string; waiting_target_group: string },
  ): Promise<void> {
    const settings = readSettings({ TEMPUS_HOME: this.#home }, ROOT);
    const { TEMPUS_PATH_AUTHORITY: _path, ...api } = apiEnvironment(settings, ports);
    const domain = {
      ...alb,
      name: NAMES.alb,
      scheme: 'http',
      primary: 'host',
      host_domain: `localhost:${ports.router}`,
      probe_address: `${HOST}:${ports.router}`,
    };
    const controller = {
      ...controllerEnvironment(settings, ports, 0, alb),
      TEMPUS_ALBS: JSON.stringify([domain]),
      TEMPUS_RATE_SHARE: String(this.#options.rate_share),
    };
    const files = { 'api/main.ts': api, 'controller/main.ts': controller };
    for (const [file, env] of Object.entries(files)) {
      const part = new Part({
        name: file.split('/')[0] ?? file,
        file,
        env: { ...machineEnvironment(processEnv()), ...env },
        home: this.#home,
        clock,
        restarts: false,
        onDeath: () => this.#failed(new Error(`${file} has ended by itself`)),
      });
      await part.start();
      this.#ends.push(() => part.stop());
    }
  }

  /** Once a rule leads to its preview, asks through the load balancer until the preview answers, and notes when. */
  #awaitOpened({ operation, status, input }: WireCall): void {
    if (operation !== 'ModifyRule' || status !== 200) return;
    const [, id] = /"preview-([0-9a-f]{8})\./.exec(JSON.stringify(input)) ?? [];
    if (id !== undefined) void this.#untilLive(id).catch((error: unknown) => this.#failed(error));
  }

  async #untilLive(id: string): Promise<void> {
    const router = this.#ports?.router;
    const url = `http://preview-${id}.localhost:${router}/`;
    // On a machine that is busy a probe may come to nothing; that says no more than a wrong answer does.
    const isLive = () => httpProbe(url, `${HOST}:${router}`).then(isPreviewAnswer, () => false);
    const end = clock.monotonic() + STARTS_WITHIN_MS;
    while (clock.monotonic() < end) {
      if (await isLive()) return this.sightings.note(id, 'live');
      await clock.sleep(LIVE_POLL_MS);
    }
    throw new Error(`${url} does not lead to its preview`);
  }

  #failed(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error));
  }
}
