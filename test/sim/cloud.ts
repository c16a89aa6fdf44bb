import { EcsModel } from '../../localcloud/ecs/model.ts';
import type { EcsState } from '../../localcloud/ecs/state.ts';
import { Elbv2Model } from '../../localcloud/elbv2/model.ts';
import { type Elbv2State, emptyState } from '../../localcloud/elbv2/state.ts';
import { LogsModel } from '../../localcloud/logs/model.ts';
import { Router } from '../../localcloud/load-balancer/route.ts';
import { SchedulerModel } from '../../localcloud/scheduler/model.ts';
import type { SchedulerState } from '../../localcloud/scheduler/state.ts';
import { createInvoke } from '../../localcloud/scheduler/targets.ts';
import { silentLog as log } from '../../platform/log.ts';
import { WAITING_ROOM } from '../../preview/urls.ts';
import type { Happening } from '../../localcloud/events/event.ts';
import type { ProbeAnswer } from '../../reconcilers/probe.ts';
import { CONFIG, EXPIRE_FUNCTION } from './config.ts';
import type { SeededRandom } from './random.ts';
import { SimTasks } from './tasks.ts';
import { clockOf, type VirtualTime } from './virtual-time.ts';

/** Everything that AWS holds, as the oracles look at it: the models' own state, not a copy. */
export interface CloudState {
  ecs: EcsState;
  elbv2: Elbv2State;
  scheduler: SchedulerState;
}

/** No task gets this port: test/sim/tasks.ts begins far above it. */
const WAITING_PORT = 9;
/** How often ECS looks at target health during a rollout; ten times less often otherwise. */
const ECS_POLL_MS = 3_000;
const FIRST_CHECK_MS = 1_000;

/** What AWS calls by itself. */
export interface CloudHooks {
  expire: () => Promise<unknown>;
  /** Told of what ECS does. */
  publish: (happening: Happening) => void;
}

/** The models of AWS on virtual time. Their calls have no latency and no faults: test/sim/calls.ts adds both. */
export class SimCloud {
  readonly state: CloudState;
  readonly ecs: EcsModel;
  readonly elbv2: Elbv2Model;
  readonly scheduler: SchedulerModel;
  readonly logs: LogsModel;
  readonly tasks: SimTasks;
  readonly #time: VirtualTime;
  readonly #random: SeededRandom;
  readonly #routers = new Map<string, Router>();

  constructor(time: VirtualTime, random: SeededRandom, { expire, publish }: CloudHooks) {
    this.#time = time;
    this.#random = random;
    this.state = {
      ecs: { clusters: [], revisions: {}, taskDefinitions: [], services: [], tasks: [] },
      elbv2: emptyState(),
      scheduler: { groups: [], schedules: [] },
    };
    const clock = clockOf(time);
    this.tasks = new SimTasks(clock);
    this.logs = new LogsModel({ clock });
    const models = this.modelsOf(this.state, publish);
    this.ecs = models.ecs;
    this.elbv2 = models.elbv2;
    this.scheduler = new SchedulerModel({
      clock,
      log,
      state: kept(this.state.scheduler),
      invoke: createInvoke({ ecs: this.ecs, functions: { [EXPIRE_FUNCTION]: expire } }),
    });
  }

  /** Models that read `state`; only reading calls may be made of those that are not the cloud's own. */
  modelsOf(state: CloudState, publish?: CloudHooks['publish']): { ecs: EcsModel; elbv2: Elbv2Model } {
    const clock = clockOf(this.#time);
    const elbv2 = new Elbv2Model({
      clock,
      random: this.#random.split('elbv2'),
      log,
      state: kept(state.elbv2),
      checkTarget: this.tasks.checkTarget,
      initialCheckMs: FIRST_CHECK_MS,
    });
    const ecs = new EcsModel({
      clock,
      random: this.#random.split('ecs'),
      log,
      state: kept(state.ecs),
      runtime: this.tasks,
      elbv2,
      logs: this.logs,
      pollMs: ECS_POLL_MS,
      publish,
    });
    return { ecs, elbv2 };
  }

  /** Makes what an install needs before its first preview. Answers a listener for each load balancer. */
  async provision(albs: readonly string[]): Promise<string[]> {
    await this.ecs.createCluster({
      clusterName: CONFIG.cluster,
      capacityProviders: ['FARGATE', 'FARGATE_SPOT'],
    });
    await this.logs.createLogGroup({ logGroupName: CONFIG.log_group });
    await this.scheduler.createScheduleGroup({ Name: 'default' });
    await this.scheduler.createScheduleGroup({ Name: CONFIG.schedule_group });
    const listeners: string[] = [];
    for (const name of albs) listeners.push(await this.#createListener(name));
    return listeners;
  }

  async #createListener(name: string): Promise<string> {
    const { LoadBalancers = [] } = await this.elbv2.createLoadBalancer({
      Name: name,
      Subnets: [...CONFIG.subnets],
      Type: 'application',
    });
    const { Listeners = [] } = await this.elbv2.createListener({
      LoadBalancerArn: LoadBalancers[0]?.LoadBalancerArn,
      Protocol: 'HTTP',
      Port: 80,
      DefaultActions: [{ Type: 'fixed-response', FixedResponseConfig: { StatusCode: '404' } }],
    });
    const arn = Listeners[0]?.ListenerArn ?? '';
    this.#routers.set(arn, new Router({ routing: this.elbv2, listenerArn: arn }));
    return arn;
  }

  /** Where requests go until a preview is Ready: one for each load balancer, as AWS wants it. */
  async openWaitingRoom(alb: string): Promise<string> {
    const { TargetGroups = [] } = await this.elbv2.createTargetGroup({
      Name: `waiting-${alb}`,
      Protocol: 'HTTP',
      Port: 80,
      VpcId: CONFIG.vpc_id,
      TargetType: 'ip',
    });
    const TargetGroupArn = TargetGroups[0]?.TargetGroupArn ?? '';
    await this.elbv2.registerTargets({ TargetGroupArn, Targets: [{ Id: '10.0.0.9', Port: WAITING_PORT }] });
    return TargetGroupArn;
  }

  /** What a request for `url` gets at the listener, now. */
  ask(url: string, listenerArn: string): ProbeAnswer {
    const { host, pathname } = new URL(url);
    const router = this.#routers.get(listenerArn);
    const route = router?.route({ host, url: pathname, path: pathname, method: 'GET', port: 80 });
    if (!route) throw new Error(`nothing listens at ${listenerArn}`);
    if (route.kind === 'answer') return { status: route.own.status, server: 'awselb/2.0' };
    if (route.target.port === WAITING_PORT) return { status: 503, server: WAITING_ROOM };
    const served = this.tasks.serves(route.target.port);
    return served ? { status: 200, server: '' } : { status: 502, server: 'awselb/2.0' };
  }
}

/** The state lives as long as the simulation: nothing is written down. */
function kept<T>(state: T): { load: () => T; save: () => void } {
  return { load: () => state, save: () => undefined };
}
