import { join } from 'node:path';
import * as logsSdk from '@aws-sdk/client-cloudwatch-logs';
import * as ecsSdk from '@aws-sdk/client-ecs';
import * as elbv2Sdk from '@aws-sdk/client-elastic-load-balancing-v2';
import * as schedulerSdk from '@aws-sdk/client-scheduler';
import * as quotasSdk from '@aws-sdk/client-service-quotas';
import * as stsSdk from '@aws-sdk/client-sts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Random } from '../platform/random.ts';
import { EcsModel, type EcsModelDeps } from './ecs/model.ts';
import { joinEcs, splitEcs } from './ecs/resources.ts';
import type { EcsState } from './ecs/state.ts';
import { Elbv2Model } from './elbv2/model.ts';
import { NodeRules } from './elbv2/node-rules.ts';
import { joinElbv2, splitElbv2 } from './elbv2/resources.ts';
import type { Elbv2State } from './elbv2/state.ts';
import type { Happening } from './events/event.ts';
import type { Listeners } from './listeners.ts';
import { checkTarget } from './load-balancer/health-check.ts';
import { LogsModel } from './logs/model.ts';
import { EventualReads } from './realism/eventual-reads.ts';
import type { Realism } from './realism/realism.ts';
import { SchedulerModel } from './scheduler/model.ts';
import { createInvoke, type TargetDeps } from './scheduler/targets.ts';
import { ServiceQuotasModel } from './service-quotas/model.ts';
import { fileState, memoryState, type StateStore } from './state.ts';
import { StsModel } from './sts/model.ts';
import type { TaskRuntime } from './task-runtime.ts';
import type { Services } from './wire/route.ts';
import { describeService } from './wire/service.ts';

/** What Fargate may run at once where nothing is refused for it: far more than this machine can. */
const UNREFUSED_VCPUS = 4_000;

export interface ModelsDeps {
  clock: Clock;
  random: Random;
  log: Log;
  path?: string;
  listeners: Listeners;
  runtime: TaskRuntime;
  functions: TargetDeps['functions'];
  schedulerMinuteMs?: number;
  realism?: Realism | undefined;
  /** Told of what ECS does by itself. Absent: nobody is. */
  publish?: ((happening: Happening) => void) | undefined;
}

export interface Models {
  ecs: EcsModel;
  elbv2: Elbv2Model;
  scheduler: SchedulerModel;
  /** As they are called from outside. */
  services: Services;
}

/** The models of all services but the database, each with its state, and joined where AWS's services call each other. */
export function createModels(deps: ModelsDeps): Models {
  const { clock, log, path, functions, realism } = deps;
  const minuteMs = deps.schedulerMinuteMs ?? realism?.minuteMs;
  const logs = new LogsModel({ clock, ...(path === undefined ? {} : { path: join(path, 'logs') }) });
  const { elbv2, servedElbv2 } = createElbv2(deps);
  const { ecs, servedEcs } = createEcs(deps, { elbv2, logs });
  const scheduler = new SchedulerModel({
    clock,
    log,
    state: stateOf(deps, 'scheduler'),
    invoke: createInvoke({ ecs, functions }),
    ...(minuteMs === undefined ? {} : { minuteMs }),
    ...(realism ? { lateMs: () => realism.firingDelayMs() } : {}),
  });
  const quotas = new ServiceQuotasModel({ vcpus: realism?.vcpus ?? UNREFUSED_VCPUS });
  const services = {
    json: {
      AmazonEC2ContainerServiceV20141113: describeService('ecs', ecsSdk, servedEcs),
      Logs_20140328: describeService('logs', logsSdk, logs),
      ServiceQuotasV20190624: describeService('quotas', quotasSdk, quotas),
    },
    query: {
      '2015-12-01': describeService('elbv2', elbv2Sdk, servedElbv2),
      '2011-06-15': describeService('sts', stsSdk, new StsModel()),
    },
    rest: describeService('scheduler', schedulerSdk, scheduler),
  };
  return { ecs, elbv2, scheduler, services };
}

/** The model, and how it is served to others: with AWS's late reads, where they are asked for. */
function createElbv2(deps: ModelsDeps): { elbv2: Elbv2Model; servedElbv2: Elbv2Model } {
  const { clock, random, log, listeners, realism } = deps;
  const shared = { clock, random, log, checkTarget };
  const state = stateOf<Elbv2State>(deps, 'elbv2');
  const onListenerDeleted: (typeof listeners)['close'] = (listener) => listeners.close(listener);
  if (!realism) {
    const elbv2: Elbv2Model = new Elbv2Model({
      ...shared,
      state,
      onListener: (listener) => listeners.open(listener, elbv2),
      onListenerDeleted,
    });
    return { elbv2, servedElbv2: elbv2 };
  }
  const reads = new EventualReads({ clock, realism, split: splitElbv2, join: joinElbv2 });
  const elbv2: Elbv2Model = new Elbv2Model({
    ...shared,
    realism,
    state: heard(reads.watched(state), (saved) => nodes.changed(saved.listeners.map(({ arn }) => arn))),
    onListener: (listener) => {
      nodes.opened(listener.arn);
      return listeners.open(listener, nodes);
    },
    onListenerDeleted,
  });
  const nodes = new NodeRules({ routing: elbv2, realism, clock });
  return {
    elbv2,
    servedElbv2: reads.served(elbv2, (then) => new Elbv2Model({ ...shared, state: past(then) })),
  };
}

function createEcs(
  deps: ModelsDeps,
  others: Pick<EcsModelDeps, 'elbv2' | 'logs'>,
): { ecs: EcsModel; servedEcs: EcsModel } {
  const { clock, random, log, runtime, realism, publish } = deps;
  const shared = { clock, random, log, runtime, ...others };
  const state = stateOf<EcsState>(deps, 'ecs');
  if (!realism) {
    const ecs = new EcsModel({ ...shared, state, publish });
    return { ecs, servedEcs: ecs };
  }
  const reads = new EventualReads({ clock, realism, split: splitEcs, join: joinEcs });
  const ecs = new EcsModel({ ...shared, realism, publish, state: reads.watched(state) });
  return { ecs, servedEcs: reads.served(ecs, (then) => new EcsModel({ ...shared, state: past(then) })) };
}

function stateOf<T>({ path }: Pick<ModelsDeps, 'path'>, name: string): StateStore<T> {
  return path === undefined ? memoryState<T>() : fileState<T>(join(path, `${name}.json`));
}

/** A state that is only read. */
function past<T>(state: T): StateStore<T> {
  return { load: () => state, save: () => undefined };
}

function heard<T>(store: StateStore<T>, onSave: (state: T) => void): StateStore<T> {
  return {
    load: () => store.load(),
    save: (state) => {
      store.save(state);
      onSave(state);
    },
  };
}
