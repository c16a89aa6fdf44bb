import type { Clock } from '../platform/clock.ts';
import { Batch } from './batch.ts';
import { isTaggedGone } from './errors.ts';
import type { AwsPorts, EcsPort, Elbv2Port } from './ports.ts';

/** DescribeServices takes ten names, DescribeTags of load balancing twenty ARNs. */
const SERVICES_A_CALL = 10;
const TAGS_A_CALL = 20;

interface BatchedDeps {
  clock: Clock;
  batch_window_ms: number;
}

/** The same ports, with those DescribeServices and DescribeTags joined that are asked for together. */
export function batched(ports: AwsPorts, deps: BatchedDeps): AwsPorts {
  return {
    ...ports,
    ecs: { ...ports.ecs, describeServices: batchedServices(ports.ecs, deps) },
    elbv2: { ...ports.elbv2, describeTags: batchedTags(ports.elbv2, deps) },
  };
}

function batchedServices(
  ecs: EcsPort,
  { clock, batch_window_ms: windowMs }: BatchedDeps,
): EcsPort['describeServices'] {
  const batches = new Map<string, Batch<Awaited<ReturnType<EcsPort['describeServices']>>>>();
  return async (input) => {
    const { cluster, include, services: names = [] } = input;
    if (names.length !== 1) return ecs.describeServices(input);
    const kind = JSON.stringify([cluster, include?.toSorted()]);
    const batch =
      batches.get(kind) ??
      new Batch({
        clock,
        windowMs,
        most: SERVICES_A_CALL,
        ask: (services) => ecs.describeServices({ ...input, services }),
      });
    batches.set(kind, batch);
    const { services = [], failures = [] } = await batch.get(names);
    // AWS names what it has not found by ARN, whichever way it was asked for.
    const isAsked = (arn = '') => names.some((name) => arn === name || arn.endsWith(`/${name}`));
    return {
      services: services.filter(
        ({ serviceArn, serviceName = '' }) => names.includes(serviceName) || isAsked(serviceArn),
      ),
      failures: failures.filter(({ arn }) => isAsked(arn)),
    };
  };
}

/** On AWS one ARN that is gone fails the call for all of them. */
function batchedTags(
  elbv2: Elbv2Port,
  { clock, batch_window_ms: windowMs }: BatchedDeps,
): Elbv2Port['describeTags'] {
  const batch = new Batch({
    clock,
    windowMs,
    most: TAGS_A_CALL,
    ask: (ResourceArns) => elbv2.describeTags({ ResourceArns }),
    mayBeOneKeys: isTaggedGone,
  });
  return async (input) => {
    const { ResourceArns: arns = [] } = input;
    if (arns.length === 0 || arns.length >= TAGS_A_CALL) return elbv2.describeTags(input);
    const { TagDescriptions = [] } = await batch.get(arns);
    return {
      TagDescriptions: TagDescriptions.filter(({ ResourceArn = '' }) => arns.includes(ResourceArn)),
    };
  };
}
