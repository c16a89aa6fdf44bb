import {
  type AwsPorts,
  ECS_CALLS,
  type EcsPort,
  ELBV2_CALLS,
  type Elbv2Port,
  LOGS_CALLS,
  type LogsPort,
  SCHEDULER_CALLS,
  type SchedulerPort,
  type StreamsPort,
  type TablePort,
} from '../../aws/ports.ts';
import type { TableClient } from '../../preview/table-client.ts';
import type { Probe } from '../../reconcilers/probe.ts';
import type { Calls } from './calls.ts';
import type { SimCloud } from './cloud.ts';
import { TABLES } from './config.ts';
import type { MemoryDatabase } from './database/memory-database.ts';
import type { SimProcess } from './process.ts';
import type { StaleLists } from './stale-lists.ts';
import type { StaleReads } from './stale-reads.ts';
import { timedOut } from './aws-errors.ts';

export interface PortsDeps {
  calls: Calls;
  cloud: SimCloud;
  database: MemoryDatabase;
  stale?: StaleReads | undefined;
  staleLists?: StaleLists | undefined;
}

const READS = /^(describe|list|get|filter)/;
const TABLE_NAMES = new Map<string, string>(Object.entries(TABLES).map(([name, table]) => [table, name]));

/** What one process sees of AWS: the same ports that production has, over the simulated network. */
export class SimPorts {
  readonly #process: SimProcess;
  readonly #deps: PortsDeps;

  constructor(process: SimProcess, deps: PortsDeps) {
    this.#process = process;
    this.#deps = deps;
  }

  get aws(): AwsPorts {
    const { ecs, elbv2, scheduler, logs } = this.#deps.cloud;
    return {
      ecs: this.#port<EcsPort>('ecs', ecs, ECS_CALLS),
      elbv2: this.#port<Elbv2Port>('elbv2', elbv2, ELBV2_CALLS),
      scheduler: this.#port<SchedulerPort>('scheduler', scheduler, SCHEDULER_CALLS),
      logs: this.#port<LogsPort>('logs', logs, LOGS_CALLS),
    };
  }

  get tables(): TableClient {
    const { document } = this.#deps.database;
    const { staleLists } = this.#deps;
    const call = <I extends { TableName?: string | undefined }, O>(
      name: string,
      send: (input: I) => Promise<O>,
      mutates: boolean,
      stale?: (input: I, ms: number) => Promise<O> | undefined,
    ) => {
      return (input: I): Promise<O> =>
        this.#deps.calls.perform(this.#process, {
          service: TABLE_NAMES.get(input.TableName ?? '') ?? 'table',
          call: name,
          input,
          mutates,
          effect: () => send(input),
          ...(stale ? { stale: (ms: number) => stale(input, ms) } : {}),
        });
    };
    return {
      get: call('get', (input) => document.get(input), false),
      put: call('put', (input) => document.put(input), true),
      update: call('update', (input) => document.update(input), true),
      query: call(
        'query',
        (input) => document.query(input),
        false,
        staleLists && ((input, ms) => staleLists.read(input, ms)),
      ),
    };
  }

  get table(): TablePort {
    return this.#port<TablePort>('dynamodb', this.#deps.database.dynamodb, ['describeTable']);
  }

  get streams(): StreamsPort {
    return this.#port<StreamsPort>('streams', this.#deps.database.streams, [
      'describeStream',
      'getShardIterator',
      'getRecords',
    ]);
  }

  get probe(): Probe {
    const { calls, cloud } = this.#deps;
    return (url, address) =>
      calls.perform(this.#process, {
        service: 'http',
        call: 'probe',
        input: { url },
        mutates: false,
        effect: async () => {
          const answer = cloud.ask(url, address);
          if (answer.status === 0) throw timedOut();
          return answer;
        },
      });
  }

  #port<P extends Record<keyof P, (input: never) => Promise<unknown>>>(
    service: string,
    model: P,
    names: readonly (keyof P & string)[],
  ): P {
    const { calls, stale } = this.#deps;
    const port = names.map((name) => [
      name,
      (input: never) =>
        calls.perform(this.#process, {
          service,
          call: name,
          input,
          mutates: !READS.test(name),
          effect: () => model[name](input),
          ...(stale && READS.test(name)
            ? { stale: (ms: number) => stale.read(service, name, input, ms) }
            : {}),
        }),
    ]);
    return Object.fromEntries(port) as P;
  }
}
