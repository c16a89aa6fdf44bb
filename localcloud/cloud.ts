import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Random } from '../platform/random.ts';
import { type Database, openDatabase } from './dynamodb/database.ts';
import { EventBus } from './events/event-bus.ts';
import type { CloudEvent, Happening } from './events/event.ts';
import { type ListenerPorts, Listeners } from './listeners.ts';
import { createModels } from './models.ts';
import type { Realism } from './realism/realism.ts';
import type { TaskRuntime } from './task-runtime.ts';
import { startWireServer, type WireCall } from './wire/server.ts';

export interface CloudDeps {
  clock: Clock;
  random: Random;
  log: Log;
  /** Where everything is kept that AWS would keep. Absent: in memory, for a test. */
  path?: string;
  host: string;
  /** The port of the AWS endpoint; 0 for any. */
  awsPort: number;
  listenerPorts: ListenerPorts;
  runtime: TaskRuntime;
  /** Lambda functions that schedules may name. */
  functions: Readonly<Record<string, (event: unknown) => Promise<unknown>>>;
  /** How long a minute of the scheduler's rates lasts. */
  schedulerMinuteMs?: number;
  /** AWS's delays and limits. Absent: everything is as quick as this machine, and nothing is refused for its rate. */
  realism?: Realism | undefined;
  /** Is given ECS's events, each at least once. Absent: nothing happens. */
  events?: (event: CloudEvent) => Promise<unknown>;
  onCall?: (call: WireCall) => void;
}

export interface Cloud {
  /** The URL that the SDK takes as its endpoint, for every service. */
  endpoint: string;
  /** The port on which the listener with this port of its own is really reached. */
  listenerPort(port: number): number | undefined;
  database: Database;
  stop(): Promise<void>;
}

/**
 * AWS on one machine: the models, the endpoint that they are called through, and the load balancers that serve.
 * Rejects, with nothing left running, when a part cannot start.
 */
export async function startCloud(deps: CloudDeps): Promise<Cloud> {
  const { clock, random, log, host, path, onCall } = deps;
  if (path !== undefined) mkdirSync(path, { recursive: true });
  // Each part starts after those that it calls, and stops before them.
  const ends: (() => Promise<void> | void)[] = [];
  try {
    const database = await openDatabase({
      clock,
      random,
      log,
      realism: deps.realism,
      ...folder(path, 'dynamodb'),
    });
    ends.push(() => database.close());
    const listeners = new Listeners({ clock, random, log, host, ports: deps.listenerPorts });
    const bus =
      deps.events && new EventBus({ clock, random, log, realism: deps.realism, deliver: deps.events });
    if (bus) ends.push(() => bus.stop());
    const publish = bus && ((happening: Happening) => bus.publish(happening));
    const models = createModels({ ...deps, listeners, publish });
    ends.push(() => models.elbv2.stop());
    ends.push(() => listeners.closeAll());
    await models.elbv2.start();
    ends.push(() => models.ecs.stop());
    await models.ecs.start();
    ends.push(() => models.scheduler.stop());
    models.scheduler.start();
    const wire = await startWireServer({
      clock,
      random,
      log,
      host,
      port: deps.awsPort,
      database,
      realism: deps.realism,
      services: models.services,
      ...(onCall ? { onCall } : {}),
    });
    ends.push(() => wire.close());
    return {
      endpoint: `http://${host.includes(':') ? `[${host}]` : host}:${wire.port}`,
      listenerPort: (own) => listeners.portOf(own),
      database,
      stop: () => endAll(ends),
    };
  } catch (error) {
    await endAll(ends);
    throw error;
  }
}

/** Every part is ended, also where another one fails to. */
async function endAll(ends: (() => Promise<void> | void)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const end of ends.splice(0).toReversed()) {
    try {
      await end();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, 'parts of localcloud did not stop cleanly');
}

function folder(path: string | undefined, name: string): { path?: string } {
  return path === undefined ? {} : { path: join(path, name) };
}
