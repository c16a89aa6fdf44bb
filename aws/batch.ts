import type { DescribeServicesCommandInput } from '@aws-sdk/client-ecs';
import type { Clock } from '../platform/clock.ts';
import type { AwsPorts, EcsPort, Elbv2Port } from './ports.ts';

/** AWS takes at most so many names, or ARNs, in one call. */
const SERVICES_A_CALL = 10;
const TAGS_A_CALL = 20;

interface Asked<K, V> {
  keys: readonly K[];
  resolve: (answers: Map<K, V>) => void;
  reject: (error: unknown) => void;
}

/**
 * Joins the questions that come together into one call. A question joins only a call that has not gone out yet: one
 * that is asked after a write is answered by a read after that write.
 */
class Batch<K, V> {
  readonly #clock: Clock;
  readonly #windowMs: number;
  readonly #most: number;
  readonly #ask: (keys: K[]) => Promise<Map<K, V>>;
  #asked: Asked<K, V>[] = [];
  #keys = new Set<K>();
  #cancel: (() => void) | undefined;

  constructor(deps: {
    clock: Clock;
    windowMs: number;
    most: number;
    ask: (keys: K[]) => Promise<Map<K, V>>;
  }) {
    this.#clock = deps.clock;
    this.#windowMs = deps.windowMs;
    this.#most = deps.most;
    this.#ask = deps.ask;
  }

  get(keys: readonly K[]): Promise<Map<K, V>> {
    return new Promise((resolve, reject) => {
      const all = new Set([...this.#keys, ...keys]);
      if (all.size > this.#most) this.#send();
      this.#asked.push({ keys, resolve, reject });
      for (const key of keys) this.#keys.add(key);
      if (this.#keys.size >= this.#most) this.#send();
      else this.#cancel ??= this.#clock.after(this.#windowMs, () => this.#send());
    });
  }

  #send(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const [asked, keys] = [this.#asked, [...this.#keys]];
    this.#asked = [];
    this.#keys = new Set();
    if (asked.length > 0) void this.#answer(asked, keys);
  }

  async #answer(asked: Asked<K, V>[], keys: K[]): Promise<void> {
    try {
      const answers = await this.#ask(keys);
      for (const { resolve } of asked) resolve(answers);
    } catch (error) {
      const [only, ...others] = asked;
      if (others.length === 0) only?.reject(error);
      // One key that is gone fails the whole call: each gets an answer, or an error, of its own.
      else if (isGone(error)) for (const one of asked) void this.#answer([one], [...one.keys]);
      else for (const { reject } of asked) reject(error);
    }
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && /NotFound/.test(error.name);
}

type Services = Awaited<ReturnType<EcsPort['describeServices']>>;
type Service = NonNullable<Services['services']>[number];
type TagDescription = NonNullable<Awaited<ReturnType<Elbv2Port['describeTags']>>['TagDescriptions']>[number];

/** The same ports, with DescribeServices by ten names and DescribeTags by twenty ARNs. */
export function batched(
  ports: AwsPorts,
  { clock, batch_window_ms }: { clock: Clock; batch_window_ms: number },
): AwsPorts {
  return {
    ...ports,
    ecs: { ...ports.ecs, describeServices: batchedServices(ports.ecs, clock, batch_window_ms) },
    elbv2: { ...ports.elbv2, describeTags: batchedTags(ports.elbv2, clock, batch_window_ms) },
  };
}

function batchedServices(ecs: EcsPort, clock: Clock, windowMs: number): EcsPort['describeServices'] {
  const batches = new Map<string, Batch<string, Service>>();
  const batchOf = ({ cluster, include }: DescribeServicesCommandInput) => {
    const key = JSON.stringify([cluster, include]);
    const ask = async (services: string[]) => {
      const answer = await ecs.describeServices({ cluster, services, ...(include ? { include } : {}) });
      return new Map((answer.services ?? []).map((service) => [service.serviceName ?? '', service]));
    };
    const make = () => new Batch<string, Service>({ clock, windowMs, most: SERVICES_A_CALL, ask });
    const batch = batches.get(key) ?? make();
    batches.set(key, batch);
    return batch;
  };
  return async (input) => {
    const names = input.services ?? [];
    if (names.length >= SERVICES_A_CALL || names.some((name) => name.includes(':')))
      return ecs.describeServices(input);
    const found = await batchOf(input).get(names);
    const failures = names.filter((name) => !found.has(name)).map((arn) => ({ arn, reason: 'MISSING' }));
    return { services: names.flatMap((name) => found.get(name) ?? []), failures };
  };
}

function batchedTags(elbv2: Elbv2Port, clock: Clock, windowMs: number): Elbv2Port['describeTags'] {
  const ask = async (ResourceArns: string[]) => {
    const { TagDescriptions = [] } = await elbv2.describeTags({ ResourceArns });
    return new Map(TagDescriptions.map((one) => [one.ResourceArn ?? '', one]));
  };
  const batch = new Batch<string, TagDescription>({ clock, windowMs, most: TAGS_A_CALL, ask });
  return async (input) => {
    const arns = input.ResourceArns ?? [];
    if (arns.length >= TAGS_A_CALL || arns.length === 0) return elbv2.describeTags(input);
    const found = await batch.get(arns);
    return { TagDescriptions: arns.flatMap((arn) => found.get(arn) ?? []) };
  };
}
