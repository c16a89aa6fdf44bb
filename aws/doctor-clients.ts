import { DynamoDB } from '@aws-sdk/client-dynamodb';
import { ECS } from '@aws-sdk/client-ecs';
import { ElasticLoadBalancingV2 } from '@aws-sdk/client-elastic-load-balancing-v2';
import { Scheduler } from '@aws-sdk/client-scheduler';
import { ServiceQuotas } from '@aws-sdk/client-service-quotas';
import { STS } from '@aws-sdk/client-sts';
import { DynamoDBDocument } from '@aws-sdk/lib-dynamodb';
import type { Clock } from '../platform/clock.ts';
import { skewOf } from '../platform/date-header.ts';

/** The clients of a person who looks at an account, and what they have noticed besides their answers. */
export interface DoctorClients {
  sts: STS;
  quotas: ServiceQuotas;
  dynamodb: DynamoDB;
  document: DynamoDBDocument;
  ecs: ECS;
  elbv2: ElasticLoadBalancingV2;
  scheduler: Scheduler;
  /** The Region that all of them ask; rejects where none is set anywhere. */
  region(): Promise<string>;
  /** AWS's clock less this machine's, in milliseconds, to about a second; undefined before the first answer. */
  skewMs(): number | undefined;
  /** The IAM action of the call that has failed with `error`, such as `ecs:DescribeClusters`. */
  actionOf(error: unknown): string | undefined;
  destroy(): void;
}

/** How IAM calls the services. */
const IAM_PREFIX = {
  sts: 'sts',
  quotas: 'servicequotas',
  dynamodb: 'dynamodb',
  ecs: 'ecs',
  elbv2: 'elasticloadbalancing',
  scheduler: 'scheduler',
} as const;

/**
 * Clients with the SDK's default chains for credentials, Region and endpoint (AWS_PROFILE, AWS_REGION,
 * AWS_ENDPOINT_URL). Nothing waits for them but a person, so one retry is left to the SDK: it also corrects a clock
 * that is off, so that a wrong one is seen and does not hide everything else.
 */
export function createDoctorClients(clock: Clock, region?: string): DoctorClients {
  const config = {
    maxAttempts: 2,
    requestHandler: { connectionTimeout: 2_000, requestTimeout: 5_000, throwOnRequestTimeout: true },
    ...(region === undefined ? {} : { region }),
  };
  const sts = new STS(config);
  // Asked for once: a chain may start a program, or ask a metadata service that is not there.
  const shared = { ...config, credentials: sts.config.credentials };
  const dynamodb = new DynamoDB(shared);
  const clients = {
    sts,
    quotas: new ServiceQuotas(shared),
    dynamodb,
    ecs: new ECS(shared),
    elbv2: new ElasticLoadBalancingV2(shared),
    scheduler: new Scheduler(shared),
  };
  const noticed = new Noticed(clock);
  for (const name of Object.keys(IAM_PREFIX) as (keyof typeof IAM_PREFIX)[]) {
    noticed.watch(clients[name] as unknown as Watchable, IAM_PREFIX[name]);
  }
  return {
    ...clients,
    document: DynamoDBDocument.from(dynamodb),
    region: () => sts.config.region(),
    skewMs: () => noticed.skewMs,
    actionOf: (error) => noticed.actionOf(error),
    destroy: () => {
      for (const client of Object.values(clients)) client.destroy();
    },
  };
}

interface Answer {
  response?: unknown;
}

type Handler = (args: object) => Promise<Answer>;

/** What every SDK client has, whatever its commands are. */
interface Watchable {
  middlewareStack: {
    add(
      middleware: (next: Handler, context: { commandName?: string }) => Handler,
      options: { step: 'initialize' | 'deserialize'; priority?: 'low'; name: string },
    ): void;
  };
}

/** What comes with the answers of all clients. */
class Noticed {
  skewMs: number | undefined;
  readonly #clock: Clock;
  readonly #actions = new WeakMap<Error, string>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  watch({ middlewareStack }: Watchable, prefix: string): void {
    middlewareStack.add(
      (next, { commandName = '' }) =>
        (args) =>
          this.#name(next(args), prefix, commandName),
      {
        step: 'initialize',
        name: 'note-action',
      },
    );
    // Nearest to the network: an answer that is an error tells the time, too.
    middlewareStack.add((next) => (args) => this.#time(() => next(args)), {
      step: 'deserialize',
      priority: 'low',
      name: 'note-date',
    });
  }

  actionOf(error: unknown): string | undefined {
    return error instanceof Error ? this.#actions.get(error) : undefined;
  }

  async #name(answer: Promise<Answer>, prefix: string, commandName: string): Promise<Answer> {
    try {
      return await answer;
    } catch (error) {
      if (error instanceof Error)
        this.#actions.set(error, `${prefix}:${commandName.replace(/Command$/, '')}`);
      throw error;
    }
  }

  async #time(call: () => Promise<Answer>): Promise<Answer> {
    const sent = this.#clock.now().getTime();
    const answer = await call();
    const { headers } = answer.response as { headers?: Record<string, string> };
    this.skewMs = skewOf(headers?.['date'], sent, this.#clock.now().getTime()) ?? this.skewMs;
    return answer;
  }
}
