import { DynamoDBDocument } from '@aws-sdk/lib-dynamodb';
import { afterEach, beforeEach } from 'vitest';
import { type AwsPorts, ECS_CALLS, ELBV2_CALLS, LOGS_CALLS, SCHEDULER_CALLS } from '../aws/ports.ts';
import { AWS_PACE } from '../controller/config.ts';
import { EcsModel } from '../localcloud/ecs/model.ts';
import { Elbv2Model } from '../localcloud/elbv2/model.ts';
import { Router } from '../localcloud/load-balancer/route.ts';
import { LogsModel } from '../localcloud/logs/model.ts';
import { SchedulerModel } from '../localcloud/scheduler/model.ts';
import { createInvoke } from '../localcloud/scheduler/targets.ts';
import { memoryState } from '../localcloud/state.ts';
import type { TaskRuntime } from '../localcloud/task-runtime.ts';
import { silentLog as log } from '../platform/log.ts';
import { systemRandom as random } from '../platform/random.ts';
import { findCondition } from '../preview/conditions.ts';
import { Coordination } from '../preview/coordination.ts';
import { draftPreview } from '../preview/draft.ts';
import type { ConditionType, PreviewRow } from '../preview/record.ts';
import { PreviewStore } from '../preview/store.ts';
import { coordinationTable, previewsTable } from '../preview/tables.ts';
import { Absences } from '../reconcilers/absences.ts';
import type { ReconcilerConfig } from '../reconcilers/config.ts';
import type { PassResult } from '../reconcilers/outcome.ts';
import type { ReconcilerDeps } from '../reconcilers/pass.ts';
import { reconcile } from '../reconcilers/preview.ts';
import { Recent } from '../reconcilers/recent.ts';
import { Waits } from '../reconcilers/waits.ts';
import { Endpoint } from './contract/dynamodb-endpoint.ts';
import { ManualClock } from './fakes/clock.ts';
import { noteCall } from './iam/journal.ts';
import { IMAGES, SimTasks } from './sim/tasks.ts';

type Fn = (input: never) => Promise<unknown>;
/** What happens to a call instead of its usual effect; `proceed` is that effect. */
type Twist = (proceed: () => Promise<unknown>, input: never) => Promise<unknown>;

const READS = /^(describe|list|get|filter)/;
const GROUP = 'tempus';

/** Passes over previews, one after the other, on real tables and on AWS's models, while time stands still. */
export class ReconcileWorld {
  clock!: ManualClock;
  tables!: Endpoint;
  client!: DynamoDBDocument;
  ecs!: EcsModel;
  elbv2!: Elbv2Model;
  scheduler!: SchedulerModel;
  deps!: ReconcilerDeps;
  config!: ReconcilerConfig;
  /** Names of the calls that were made and change something, with what they were given. */
  changes: { call: string; input: Record<string, unknown> }[] = [];
  /** Number of calls, by name. */
  calls = new Map<string, number>();
  woken: string[] = [];
  readonly twists = new Map<string, Twist>();
  /** Images that have come to their registry after all. */
  readonly published = new Set<string>();
  #born = 0;
  #routers = new Map<string, Router>();

  async open({ albs = [10], paths = false } = {}): Promise<void> {
    this.clock = new ManualClock('2026-01-01T00:00:00Z');
    this.twists.clear();
    this.published.clear();
    this.changes = [];
    this.calls = new Map();
    this.woken = [];
    this.tables = await Endpoint.open();
    const marshallOptions = { removeUndefinedValues: true };
    this.client = DynamoDBDocument.from(this.tables.dynamodb, { marshallOptions });
    await this.tables.dynamodb.createTable(previewsTable('previews'));
    await this.tables.dynamodb.createTable(coordinationTable('coordination'));
    await this.#openAws();
    this.config = { ...CONFIG, albs: [] };
    for (const [n, slots] of albs.entries()) this.config.albs.push(await this.#openAlb(n, slots, paths));
    this.restart();
  }

  /** A new controller process: whatever the old one kept in memory is gone. */
  restart(): void {
    const { clock, config, client } = this;
    this.deps = {
      store: new PreviewStore({ client, table: 'previews' }),
      coordination: new Coordination({ client, table: 'coordination' }),
      ports: this.#ports(),
      probe: async (url, address) => this.ask(url, address),
      clock,
      log,
      config,
      absences: new Absences(),
      waits: new Waits(),
      recent: new Recent(),
      wake: (id) => this.woken.push(id),
    };
  }

  async close(): Promise<void> {
    await this.scheduler.stop();
    const stopped = this.ecs.stop();
    await this.clock.advance(10_000);
    await stopped;
    this.elbv2.stop();
    await this.tables.close();
  }

  async create(changes: Partial<PreviewRow> & { image?: string } = {}): Promise<PreviewRow> {
    this.#born += 1;
    const { image = IMAGES.good, ...rest } = changes;
    const draft = draftPreview(
      {
        preview_id: `${this.#born.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`,
        owner: 'local',
        labels: {},
        source: {},
        spec: { image, port: 80, cpu: 256, memory: 512, env: {}, health_path: '/', health_codes: '200' },
        ttl_hours: 24,
        urls: [],
      },
      this.clock.now(),
    );
    const row = { ...draft, ...rest };
    await this.deps.store.create(row);
    return row;
  }

  async ready(changes: Parameters<ReconcileWorld['create']>[0] = {}): Promise<PreviewRow> {
    const { id } = await this.create(changes);
    await this.until(id, ({ phase }) => phase === 'Ready');
    return this.row(id);
  }

  async row(id: string): Promise<PreviewRow> {
    return (await this.deps.store.get(id))!;
  }

  async said(id: string, type: ConditionType) {
    return findCondition((await this.row(id)).status.conditions, type);
  }

  pass(id: string, attempt = 0): Promise<PassResult> {
    return reconcile(id, attempt, this.deps);
  }

  /** Passes as the queue would run them, until nothing is due within `ms`. */
  async run(id: string, ms: number, enough: (row: PreviewRow) => boolean = () => false): Promise<boolean> {
    const end = this.clock.monotonic() + ms;
    for (let attempt = 0; ;) {
      const result = await this.pass(id, attempt);
      if (enough(await this.row(id))) return true;
      attempt = result.kind === 'fault' ? attempt + 1 : 0;
      const pause = pauseOf(result, attempt, this.config);
      if (this.clock.monotonic() + pause > end) {
        await this.clock.advance(end - this.clock.monotonic());
        return false;
      }
      await this.clock.advance(Math.max(1, pause));
    }
  }

  async until(id: string, enough: (row: PreviewRow) => boolean, ms = 20 * 60_000): Promise<PreviewRow> {
    if (await this.run(id, ms, enough)) return this.row(id);
    const { phase, status } = await this.row(id);
    throw new Error(`not reached: ${phase} ${JSON.stringify(status.conditions, undefined, 1)}`);
  }

  async edit(id: string, fields: Record<string, unknown>): Promise<void> {
    const row = structuredClone(await this.row(id)) as unknown as Record<string, Record<string, unknown>>;
    for (const [path, value] of Object.entries(fields)) {
      const [field = '', inner] = path.split('.');
      if (inner === undefined) (row as Record<string, unknown>)[field] = value;
      else row[field]![inner] = value;
    }
    await this.client.put({ TableName: 'previews', Item: row });
  }

  async remove(id: string): Promise<void> {
    const deletion = { requested_at: this.clock.now().toISOString(), reason: 'Requested', by: 'test' };
    await this.deps.store.requestDeletion(await this.row(id), deletion);
  }

  async service(id: string) {
    const { services = [] } = await this.ecs.describeServices({
      cluster: CONFIG.cluster,
      services: [`tempus-${id}`],
      include: ['TAGS'],
    });
    return services.find(({ status }) => status !== 'INACTIVE');
  }

  async group(id: string) {
    const { TargetGroups = [] } = await this.elbv2.describeTargetGroups({});
    return TargetGroups.find(({ TargetGroupName }) => TargetGroupName === `tempus-${id}`);
  }

  /** Every rule but the default ones, of every load balancer. */
  async rules() {
    const all = [];
    for (const { listener_arn: ListenerArn } of this.config.albs) {
      const { Rules = [] } = await this.elbv2.describeRules({ ListenerArn });
      all.push(...Rules.filter(({ IsDefault }) => !IsDefault));
    }
    return all;
  }

  async fuses(): Promise<string[]> {
    const { Schedules = [] } = await this.scheduler.listSchedules({ GroupName: GROUP });
    return Schedules.map(({ Name = '' }) => Name);
  }

  async revisions(): Promise<string[]> {
    const lists = (['ACTIVE', 'INACTIVE'] as const).map((status) => this.ecs.listTaskDefinitions({ status }));
    return (await Promise.all(lists)).flatMap(({ taskDefinitionArns = [] }) => taskDefinitionArns);
  }

  async left(id: string): Promise<string[]> {
    return [
      ...((await this.service(id)) ? ['service'] : []),
      ...((await this.group(id)) ? ['target-group'] : []),
      ...(await this.rules()).map(() => 'listener-rule'),
      ...(await this.fuses()).map(() => 'schedule'),
      ...(await this.revisions()).map(() => 'task-definition'),
    ];
  }

  /** What a request for `url` gets. */
  ask(url: string, listenerArn: string): { status: number; server: string } {
    const { host, pathname } = new URL(url);
    const route = this.#routers
      .get(listenerArn)
      ?.route({ host, url: pathname, path: pathname, method: 'GET', port: 80 });
    if (!route) throw new Error('nothing listens there');
    if (route.kind === 'answer') return { status: route.own.status, server: 'awselb/2.0' };
    return { status: 200, server: '' };
  }

  async #openAws(): Promise<void> {
    const { clock } = this;
    const tasks = new SimTasks(clock);
    const logs = new LogsModel({ clock });
    const { checkTarget } = tasks;
    const runtime: TaskRuntime = {
      prepare: ({ containers, ...task }) =>
        tasks.prepare({
          ...task,
          containers: containers.map((one) =>
            this.published.has(one.image) ? { ...one, image: IMAGES.good } : one,
          ),
        }),
      reclaim: () => tasks.reclaim(),
    };
    const state = memoryState;
    this.elbv2 = new Elbv2Model({ clock, random, log, state: state(), checkTarget, initialCheckMs: 1_000 });
    const { elbv2 } = this;
    this.ecs = new EcsModel({ clock, random, log, state: state(), runtime, elbv2, logs });
    const invoke = createInvoke({ ecs: this.ecs, functions: {} });
    this.scheduler = new SchedulerModel({ clock, log, state: state(), invoke });
    await this.ecs.createCluster({
      clusterName: CONFIG.cluster,
      capacityProviders: ['FARGATE', 'FARGATE_SPOT'],
    });
    await logs.createLogGroup({ logGroupName: CONFIG.log_group });
    await this.scheduler.createScheduleGroup({ Name: GROUP });
    this.#logs = logs;
  }

  #logs!: LogsModel;

  async #openAlb(n: number, slots: number, paths: boolean): Promise<ReconcilerConfig['albs'][number]> {
    const { LoadBalancers } = await this.elbv2.createLoadBalancer({ Name: `alb-${n}`, Subnets: ['a', 'b'] });
    const { Listeners } = await this.elbv2.createListener({
      LoadBalancerArn: LoadBalancers![0]!.LoadBalancerArn,
      Protocol: 'HTTP',
      Port: 80,
      DefaultActions: [{ Type: 'fixed-response', FixedResponseConfig: { StatusCode: '404' } }],
    });
    const listener_arn = Listeners![0]!.ListenerArn!;
    this.#routers.set(listener_arn, new Router({ routing: this.elbv2, listenerArn: listener_arn }));
    return {
      name: `alb-${n}`,
      listener_arn,
      probe_address: listener_arn,
      slots,
      scheme: 'http',
      primary: 'host',
      host_domain: 'test.example',
      ...(paths ? { path_authority: 'alb.example' } : {}),
    };
  }

  #ports(): AwsPorts {
    const { ecs, elbv2, scheduler } = this;
    return {
      ecs: this.#port('ecs', ecs, ECS_CALLS),
      elbv2: this.#port('elbv2', elbv2, ELBV2_CALLS),
      scheduler: this.#port('scheduler', scheduler, SCHEDULER_CALLS),
      logs: this.#port('logs', this.#logs, LOGS_CALLS),
    } as AwsPorts;
  }

  #port(service: string, model: object, calls: readonly string[]): Record<string, Fn> {
    const methods = model as Record<string, Fn>;
    const wrap = (call: string) => async (input: never) => {
      this.calls.set(call, (this.calls.get(call) ?? 0) + 1);
      noteCall('controller', service, `${call.charAt(0).toUpperCase()}${call.slice(1)}`, input);
      if (!READS.test(call)) this.changes.push({ call, input });
      const proceed = () => methods[call]!(input);
      return this.twists.get(call)?.(proceed, input) ?? proceed();
    };
    return Object.fromEntries(calls.map((call) => [call, wrap(call)]));
  }
}

const CONFIG: ReconcilerConfig = {
  ...AWS_PACE,
  // Nothing hears AWS's events here.
  rollout_poll_ms: AWS_PACE.poll_ms,
  install: 'test',
  cluster: 'tempus',
  vpc_id: 'vpc-1',
  subnets: ['subnet-1'],
  security_groups: ['sg-1'],
  assign_public_ip: true,
  log_group: '/previews',
  region: 'us-east-1',
  schedule_group: GROUP,
  execution_role_arn: 'arn:aws:iam::000000000000:role/tempus-preview-execution',
  fuse_role_arn: 'arn:aws:iam::000000000000:role/tempus-fuse',
  albs: [],
  probe: 'public',
  max_ttl_hours: 336,
  allow_workdir: false,
};

/** As the controller's queue does. */
function pauseOf(result: PassResult, attempt: number, config: ReconcilerConfig): number {
  if (result.kind === 'finished') return Infinity;
  if (result.kind === 'again') return result.ms;
  switch (result.fault.kind) {
    case 'conflict':
      return 200;
    case 'throttle':
    case 'transient':
      return Math.min(300_000, 1_000 * 2 ** attempt);
    case 'capacity':
      return config.retry_ms;
    case 'denied':
    case 'invalid':
      return config.drift_ms;
  }
}

/** An error as the SDK makes them, of a kind that has no class. */
export function sdkError(name: string, message = name): Error {
  return Object.assign(new Error(message), { name, $fault: 'client', $metadata: {} });
}

export function useReconciler(options: Parameters<ReconcileWorld['open']>[0] = {}): ReconcileWorld {
  const world = new ReconcileWorld();
  beforeEach(() => world.open(options));
  afterEach(() => world.close());
  return world;
}
