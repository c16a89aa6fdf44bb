import { AWS_DISCIPLINE } from '../../controller/config.ts';
import { Controller } from '../../controller/controller.ts';
import { expireDue } from '../../lambda/expire.ts';
import { observe } from '../../lambda/observe.ts';
import type { Clock } from '../../platform/clock.ts';
import { silentLog as log } from '../../platform/log.ts';
import { Coordination } from '../../preview/coordination.ts';
import { EventLog } from '../../preview/event-log.ts';
import { PreviewStore } from '../../preview/store.ts';
import { SweepBoard } from '../../preview/sweep-board.ts';
import { coordinationTable, eventsTable, previewsTable } from '../../preview/tables.ts';
import type { AlbConfig, ReconcilerConfig } from '../../reconcilers/config.ts';
import { useApi } from './api.ts';
import { Calls } from './calls.ts';
import { SimCloud } from './cloud.ts';
import { albOf, CONFIG, EXPIRE_FUNCTION, PACES, TABLES } from './config.ts';
import { ALL_HEARD, type EventFaults, SimEvents } from './events.ts';
import { MemoryDatabase } from './database/memory-database.ts';
import type { FaultSource } from './faults.ts';
import { SimPorts } from './ports.ts';
import { type Role, SimProcess } from './process.ts';
import { SeededRandom } from './random.ts';
import { Safety } from './safety.ts';
import { StaleLists } from './stale-lists.ts';
import { StaleReads } from './stale-reads.ts';
import { clockOf, EPOCH, VirtualTime } from './virtual-time.ts';

export interface WorldOptions {
  seed: string;
  faults: FaultSource;
  controllers: number;
  /** Slots of each load balancer. */
  albs: readonly number[];
  /** Whether previews have a path as well as a host. */
  paths: boolean;
  staleReads: boolean;
  /** How well ECS's events reach lambda/observe. Absent: nobody hears them, and controllers do not count on it. */
  observe?: EventFaults | undefined;
  /** Milliseconds that a request, or an answer, is on its way: at least and at most. */
  latency_ms: readonly [number, number];
  /** How long a process that was killed stays away: at least and at most. */
  restart_ms: readonly [number, number];
  /** How often controllers look at the stream and renew their lease. */
  pace: keyof typeof PACES;
  /** Whether events of one instant happen in an order that chance decides. */
  shuffle: boolean;
  /** Items a page of a list of records: few, so that paging happens. */
  page_size: number;
  /** How long a shard lives before a child takes over. */
  shard_life_ms: number;
}

const watchers = new Set<(world: World) => void>();

/** Has every world shown that begins from now on; answers how to end that. */
export function watchWorlds(watcher: (world: World) => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

/** Who makes a change: a process of Tempus, or a person with the AWS console. */
export type Writer = Role | 'human';

interface Running {
  process: SimProcess;
  stop: AbortController;
  ended: Promise<void>;
}

/** Whose reads may be old; the tables' consistent reads never are. */
const AWS_SERVICES = new Set(['ecs', 'elbv2', 'scheduler']);
const LAMBDA_TIMEOUT_MS = 60_000;

/**
 * A whole install on virtual time: AWS, the tables, controllers, the API, the Lambda and its schedule. The code of
 * Tempus in it is the product's own; models are only AWS, time and chance.
 */
export class World {
  readonly options: WorldOptions;
  readonly random: SeededRandom;
  readonly time: VirtualTime;
  readonly database: MemoryDatabase;
  readonly cloud: SimCloud;
  readonly calls: Calls;
  readonly safety: Safety;
  readonly stale: StaleReads | undefined;
  readonly staleLists: StaleLists | undefined;
  config: ReconcilerConfig = CONFIG;
  /** Who is about to change something; set in the same turn as the change. */
  writer: Writer = 'human';
  readonly events: SimEvents;
  lambda: { on: boolean; doubled: boolean } = { on: true, doubled: false };
  /** Whether processes that die come back. */
  restarts = true;
  /** How far each new process's wall clock is off. */
  skewMs: () => number = () => 0;
  readonly controllers: (Running | undefined)[] = [];
  readonly #retired = new Set<number>();
  readonly #stops: AbortController[] = [];
  #api: SimProcess | undefined;

  private constructor(options: WorldOptions) {
    this.options = options;
    this.random = new SeededRandom(options.seed);
    const ranks = this.random.split('order');
    this.time = new VirtualTime(options.shuffle ? () => ranks.next() : undefined);
    this.database = new MemoryDatabase({
      clock: clockOf(this.time),
      random: this.random.split('shards'),
      shardLifeMs: options.shard_life_ms,
    });
    this.cloud = new SimCloud(this.time, this.random.split('cloud'), {
      expire: () => this.#expire(),
      publish: (happening) => options.observe && this.events.publish(happening),
    });
    this.events = new SimEvents({
      time: this.time,
      random: this.random.split('ecs-events'),
      faults: options.observe ?? ALL_HEARD,
      invoke: (event) => this.#invoke('observe', ({ store }) => this.#observe(event, store)),
    });
    this.stale = options.staleReads ? new StaleReads(this.time, this.cloud) : undefined;
    this.staleLists = options.staleReads ? new StaleLists(this.time, this.database) : undefined;
    this.safety = new Safety(this);
    const latency = this.random.split('latency');
    const [least, most] = options.latency_ms;
    this.calls = new Calls({
      time: this.time,
      faults: options.faults,
      latency: () => (least === most ? least : latency.int(least, most)),
      onEffect: (process, call) => {
        this.writer = process.role;
        if (call.mutates && AWS_SERVICES.has(call.service)) this.stale?.remember();
        this.safety.beforeEffect(process, call);
      },
    });
  }

  static async create(options: WorldOptions): Promise<World> {
    const world = new World(options);
    world.database.createTable(previewsTable(TABLES.previews));
    world.database.createTable(coordinationTable(TABLES.coordination));
    world.database.createTable(eventsTable(TABLES.events));
    const names = options.albs.map((_slots, n) => `alb-${n}`);
    const listeners = await world.cloud.provision(names);
    const albs: AlbConfig[] = [];
    for (const [n, slots] of options.albs.entries()) {
      const name = names[n] ?? '';
      const waiting_target_group = await world.cloud.openWaitingRoom(name);
      albs.push({ ...albOf(name, listeners[n] ?? '', slots, options.paths), waiting_target_group });
    }
    const rollout_poll_ms = options.observe ? CONFIG.rollout_poll_ms : CONFIG.poll_ms;
    world.config = { ...CONFIG, rollout_poll_ms, albs };
    world.database.onChange((change) => world.safety.onChange(change));
    world.#startApi();
    await world.cloud.scheduler.createSchedule({
      Name: EXPIRE_FUNCTION,
      ScheduleExpression: 'rate(1 minute)',
      FlexibleTimeWindow: { Mode: 'OFF' },
      Target: {
        Arn: `arn:aws:lambda:us-east-1:000000000000:function:${EXPIRE_FUNCTION}`,
        RoleArn: CONFIG.fuse_role_arn,
      },
    });
    for (const watcher of watchers) watcher(world);
    for (let n = 0; n < options.controllers; n += 1) world.startController(n);
    return world;
  }

  get now(): Date {
    return new Date(EPOCH + this.time.ms);
  }

  /** Lets go of everything. Node keeps a signal that somebody listens to, and all behind it, until it aborts. */
  dispose(): void {
    for (const stop of this.#stops) stop.abort();
  }

  /** Lets the world go on for `ms`, or until `enough`; stops at the first violation. */
  async run(ms: number, enough: () => boolean = () => false): Promise<void> {
    await this.time.run(this.time.ms + ms, () => {
      this.safety.atRest();
      return this.safety.violations.length === 0 && !enough();
    });
  }

  startController(n: number): void {
    if (this.controllers[n]?.process.alive || this.#retired.has(n)) return;
    const process = this.#process('controller', () => {
      if (this.restarts) this.#after(this.options.restart_ms, () => this.startController(n));
    });
    const ports = new SimPorts(process, this);
    const { clock } = process;
    const pace = PACES[this.options.pace];
    const controller = new Controller({
      store: this.#store(ports),
      coordination: new Coordination({ client: ports.tables, table: TABLES.coordination }),
      ports: ports.aws,
      events: new EventLog({ client: ports.tables, table: TABLES.events }),
      sweepBoard: new SweepBoard({ client: ports.tables, table: TABLES.coordination }),
      probe: ports.probe,
      clock,
      log,
      config: this.config,
      random: this.random.split(`controller-${n}-${this.time.ms}`),
      dynamodb: ports.table,
      streams: ports.streams,
      table: TABLES.previews,
      owner: `controller-${n}-${this.time.ms}`,
      times: pace.times,
      discipline: { ...AWS_DISCIPLINE, rate_share: 0.5 },
      ...(pace.lease ? { leaseTimes: pace.lease } : {}),
    });
    const stop = new AbortController();
    this.#stops.push(stop);
    const ended = controller.run(stop.signal).catch((error: unknown) => {
      this.safety.violate('S0', 'a controller ended by an error', { error: String((error as Error).stack) });
    });
    this.controllers[n] = { process, stop, ended };
  }

  /** SIGTERM, and a new process in its place as soon as it has ended: a deployment. */
  restartController(n: number): void {
    const running = this.controllers[n];
    if (!running?.process.alive) return;
    running.stop.abort();
    void this.#replace(n, running);
  }

  async #replace(n: number, running: Running): Promise<void> {
    await running.ended;
    if (this.controllers[n] !== running || !running.process.alive) return;
    this.controllers[n] = undefined;
    this.startController(n);
  }

  /** SIGTERM for good. */
  retire(n: number): void {
    const running = this.controllers[n];
    this.controllers[n] = undefined;
    this.#retired.add(n);
    running?.stop.abort();
  }

  skewController(n: number, ms: number): void {
    const process = this.controllers[n]?.process;
    if (process) process.skewMs = ms;
  }

  killController(n: number): void {
    this.controllers[n]?.process.kill();
  }

  #startApi(): void {
    const process = this.#process('api', () => this.#startApi());
    this.#api = process;
    const ports = new SimPorts(process, this);
    useApi({
      store: this.#store(ports),
      logs: this.cloud.logs,
      clock: process.clock,
      random: this.random.split(`api-${this.time.ms}`),
    });
  }

  killApi(): void {
    this.#api?.kill();
  }

  async #expire(): Promise<void> {
    if (!this.lambda.on) return;
    const run = () =>
      this.#invoke('lambda', async ({ store, clock }) => {
        const began = clock.now();
        await expireDue({ store, clock, log });
        this.safety.afterLambda(began);
      });
    await Promise.all([run(), ...(this.lambda.doubled ? [run()] : [])]);
  }

  async #observe(event: unknown, store: PreviewStore): Promise<void> {
    const outcome = await observe(event, { store, cluster: this.config.cluster, log });
    this.safety.marks.add(`event ${outcome}`);
  }

  /** One invocation: a process of its own, that Lambda ends when it takes too long. */
  #invoke(role: Role, run: (given: { store: PreviewStore; clock: Clock }) => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      const died = () => reject(new Error('the function died'));
      const process = this.#process(role, died);
      const cancel = this.time.schedule(LAMBDA_TIMEOUT_MS, () => process.kill());
      const store = this.#store(new SimPorts(process, this));
      run({ store, clock: process.clock }).then(resolve, reject).finally(cancel);
    });
  }

  #store({ tables }: SimPorts): PreviewStore {
    return new PreviewStore({ client: tables, table: TABLES.previews, pageSize: this.options.page_size });
  }

  #process(role: Role, onKilled: () => void): SimProcess {
    const process = new SimProcess(role, this.time, onKilled);
    process.skewMs = this.skewMs();
    return process;
  }

  #after([least, most]: readonly [number, number], fire: () => void): void {
    const ms = least + Math.floor((most - least) * this.random.split(`restart-${this.time.ms}`).next());
    this.time.schedule(ms, fire);
  }
}
