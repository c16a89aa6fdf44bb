import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect } from 'vitest';
import { createApi } from '../api/app.ts';
import type { ApiConfig } from '../api/config.ts';
import { type ApiServer, serveApi } from '../api/server.ts';
import { type AwsClients, createClients } from '../aws/clients.ts';
import { installNames } from '../cli/doctor/names.ts';
import type { State } from '../cli/doctor/finding.ts';
import { VERSION } from '../cli/version.ts';
import { type Cloud, type CloudDeps, startCloud } from '../localcloud/cloud.ts';
import { LogsModel } from '../localcloud/logs/model.ts';
import { systemClock as clock } from '../platform/clock.ts';
import { silentLog as log } from '../platform/log.ts';
import { systemRandom as random } from '../platform/random.ts';
import { draftPreview } from '../preview/draft.ts';
import { type Heartbeat, Heartbeats } from '../preview/heartbeat.ts';
import type { PreviewRow } from '../preview/record.ts';
import { PreviewStore } from '../preview/store.ts';
import { SweepBoard } from '../preview/sweep-board.ts';
import { coordinationTable, eventsTable, previewsTable, PURGE_ATTRIBUTE } from '../preview/tables.ts';
import { Tokens } from '../preview/tokens.ts';
import { CONFIG } from './api-world.ts';
import { FakeRuntime } from './fakes/fake-runtime.ts';
import { Front } from './front.ts';

const TEMPUS = join(resolve(import.meta.dirname, '..'), 'cli/tempus.js');
const CREDENTIALS = { accessKeyId: 'somebody', secretAccessKey: 'secret' };

export const NAMES = installNames('tempus');

interface Verdict {
  check: string;
  state: State;
  finding: string;
  means: string | null;
  fix: string | null;
  facts: Record<string, unknown>;
}

export interface Diagnosis {
  code: number | null;
  stdout: string;
  stderr: string;
  checks: Verdict[];
  /** The verdicts of one check; there is at least one. */
  of: (check: string) => Verdict[];
  /** The only one of them. */
  one: (check: string) => Verdict;
  failed: string[];
}

/** An install as Terraform makes it, on localcloud; its API, on a socket; and doctor, a process that looks at both. */
export class DoctorWorld {
  cloud!: Cloud;
  clients!: AwsClients;
  api!: ApiServer;
  /** What stands between doctor and AWS, and between doctor and the API. */
  aws!: Front;
  server!: Front;
  store!: PreviewStore;
  heartbeats!: Heartbeats;
  board!: SweepBoard;
  tokens!: Tokens;
  listener_arn!: string;
  balancer_arn!: string;
  /** What doctor has asked of AWS, and what became of it. */
  asked: { service: string; operation: string; status: number }[] = [];

  async open(more: Partial<CloudDeps> = {}): Promise<void> {
    this.asked = [];
    this.cloud = await startCloud({
      clock,
      random,
      log,
      host: '127.0.0.1',
      awsPort: 0,
      listenerPorts: 'any',
      runtime: new FakeRuntime(),
      functions: { 'tempus-expire': async () => undefined },
      onCall: ({ caller, service, operation, status }) => {
        if (caller === 'somebody') this.asked.push({ service, operation, status });
      },
      ...more,
    });
    this.clients = createClients({
      region: 'us-east-1',
      endpoint: this.cloud.endpoint,
      credentials: { accessKeyId: 'terraform', secretAccessKey: 'terraform' },
    });
    this.aws = await Front.open(this.cloud.endpoint);
    const client = this.clients.document;
    this.store = new PreviewStore({ client, table: NAMES.previews });
    this.heartbeats = new Heartbeats({ client, table: NAMES.coordination });
    this.board = new SweepBoard({ client, table: NAMES.coordination });
    this.tokens = new Tokens({
      client,
      table: NAMES.coordination,
      secretBytes: (size) => crypto.getRandomValues(new Uint8Array(size)),
    });
    await this.#terraform();
    await this.beat();
    await this.#serve();
  }

  async close(): Promise<void> {
    await this.server.close();
    await this.aws.close();
    await this.api.close();
    this.clients.destroy();
    await this.cloud.stop();
  }

  /** The leader says that it lives. */
  async beat(changes: Partial<Heartbeat> = {}): Promise<void> {
    const now = clock.now().toISOString();
    await this.heartbeats.write({
      owner: 'controller-1',
      version: VERSION,
      tenure: 1,
      became_leader_at: now,
      at: now,
      queue_depth: 0,
      stream_lag_s: 1,
      last_full_list_at: now,
      last_sweep_at: now,
      ...changes,
    });
  }

  /** The API starts anew with other settings. */
  async serveAnew(changes: Partial<ApiConfig> = {}): Promise<void> {
    await this.server.close();
    await this.api.close();
    await this.#serve(changes);
  }

  async #serve(changes: Partial<ApiConfig> = {}): Promise<void> {
    const { store, heartbeats, tokens, board: sweepBoard } = this;
    const config = { ...CONFIG, version: VERSION, ...changes };
    const logs = new LogsModel({ clock });
    const app = createApi({ store, heartbeats, tokens, sweepBoard, logs, clock, random, log, config });
    this.api = await serveApi({ app, host: '127.0.0.1', port: 0, clock });
    this.server = await Front.open(`http://127.0.0.1:${this.api.port}`);
  }

  /** The command as a person runs it, with JSON that a program reads. */
  async diagnose(
    args: string[] = ['--aws'],
    env: Record<string, string | undefined> = {},
  ): Promise<Diagnosis> {
    const run = await this.run(['-o', 'json', 'doctor', ...args], env);
    const { checks } = JSON.parse(run.stdout) as { checks: Verdict[] };
    const of = (check: string) => {
      const found = checks.filter((one) => one.check === check);
      expect(found, `${check} in ${checks.map((one) => one.check).join(', ')}`).not.toEqual([]);
      return found;
    };
    const one = (check: string) => {
      const found = of(check);
      expect(found).toHaveLength(1);
      return found[0]!;
    };
    const failed = checks.filter(({ state }) => state === 'fail').map(({ check }) => check);
    return { ...run, checks, of, one, failed };
  }

  async run(args: string[], env: Record<string, string | undefined> = {}) {
    const child = spawn(process.execPath, [TEMPUS, ...args], {
      env: {
        PATH: process.env['PATH'],
        TEMPUS_SERVER: this.server.url,
        AWS_ENDPOINT_URL: this.aws.url,
        AWS_REGION: 'us-east-1',
        AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
        AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
        // Nothing of this machine's own, and no metadata service that is not there.
        HOME: '/nonexistent',
        AWS_EC2_METADATA_DISABLED: 'true',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    return { code: child.exitCode, stdout, stderr };
  }

  /** A record of which nothing stands in AWS. */
  async record(n: number, changes: Partial<PreviewRow> = {}): Promise<PreviewRow> {
    const draft = draftPreview(
      {
        ...nth(n),
        owner: 'team',
        labels: {},
        source: {},
        spec: { image: 'a', port: 80, cpu: 256, memory: 512, env: {}, health_path: '/', health_codes: '200' },
        ttl_hours: 24,
        urls: [],
      },
      clock.now(),
    );
    const row = { ...draft, ...changes };
    await this.store.create(row);
    return row;
  }

  async #terraform(): Promise<void> {
    const { dynamodb, ecs, elbv2, scheduler } = this.clients;
    const tables = [
      previewsTable(NAMES.previews),
      coordinationTable(NAMES.coordination),
      eventsTable(NAMES.events),
    ];
    for (const table of tables) {
      await dynamodb.createTable(table);
      const { TableName } = table;
      await dynamodb.updateTimeToLive({
        TableName,
        TimeToLiveSpecification: { Enabled: true, AttributeName: PURGE_ATTRIBUTE },
      });
      await dynamodb.updateContinuousBackups({
        TableName,
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      });
    }
    await ecs.createCluster({ clusterName: NAMES.cluster, capacityProviders: ['FARGATE', 'FARGATE_SPOT'] });
    const { LoadBalancers } = await elbv2.createLoadBalancer({
      Name: `${NAMES.alb_prefix}1`,
      Subnets: ['subnet-1', 'subnet-2'],
    });
    this.balancer_arn = LoadBalancers![0]!.LoadBalancerArn!;
    const { Listeners } = await elbv2.createListener({
      LoadBalancerArn: this.balancer_arn,
      Protocol: 'HTTP',
      Port: 80,
      DefaultActions: [{ Type: 'fixed-response', FixedResponseConfig: { StatusCode: '404' } }],
    });
    this.listener_arn = Listeners![0]!.ListenerArn!;
    await scheduler.createScheduleGroup({ Name: NAMES.fuses });
    await scheduler.createScheduleGroup({ Name: NAMES.expire_group });
    await scheduler.createSchedule(EXPIRE);
  }
}

export const EXPIRE = {
  GroupName: NAMES.expire_group,
  Name: NAMES.expire_schedule,
  ScheduleExpression: 'rate(1 minute)',
  FlexibleTimeWindow: { Mode: 'OFF' as const },
  Target: { Arn: 'arn:aws:lambda:us-east-1:000000000000:function:tempus-expire', RoleArn: 'r' },
};

export function nth(n: number): { id: string; preview_id: string } {
  const id = `dead${n.toString(16).padStart(4, '0')}`;
  return { id, preview_id: `${id}-0000-4000-8000-000000000000` };
}

export function useDoctor(more: Partial<CloudDeps> = {}): DoctorWorld {
  const world = new DoctorWorld();
  beforeEach(() => world.open(more));
  afterEach(() => world.close());
  return world;
}
