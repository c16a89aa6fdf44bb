import type { DescribeRulesCommandInput } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Clock } from '../platform/clock.ts';
import type { AwsPorts, Elbv2Port } from './ports.ts';

type Rules = Awaited<ReturnType<Elbv2Port['describeRules']>>;

/** One list of all rules of a listener: on its way, or here until it gets too old. */
interface Sighting {
  rules: Promise<Rules>;
  until: number;
}

/**
 * One DescribeRules per listener for everybody who asks while it is on its way and within `rules_shared_ms` after: all
 * previews of a load balancer look at the same list. Every rule that this process writes drops it, when the call begins
 * and when it ends, however it ends: nobody is given a list that was asked for before their own last write. The answer
 * has all pages in one, and is frozen, for it belongs to many.
 */
export function sharedRules(
  ports: AwsPorts,
  { clock, rules_shared_ms }: { clock: Clock; rules_shared_ms: number },
): AwsPorts {
  const { elbv2 } = ports;
  const sightings = new Map<string, Sighting>();
  const look = (listenerArn: string): Promise<Rules> => {
    const known = sightings.get(listenerArn);
    if (known && clock.monotonic() < known.until) return known.rules;
    const sighting = { rules: listAll(elbv2, listenerArn), until: Infinity };
    sightings.set(listenerArn, sighting);
    sighting.rules.then(
      () => (sighting.until = clock.monotonic() + rules_shared_ms),
      () => (sighting.until = -Infinity),
    );
    return sighting.rules;
  };
  const writing =
    <I, O>(write: (input: I) => Promise<O>) =>
    async (input: I): Promise<O> => {
      sightings.clear();
      try {
        return await write(input);
      } finally {
        sightings.clear();
      }
    };
  return {
    ...ports,
    elbv2: {
      ...elbv2,
      describeRules: (input) => {
        const listenerArn = wholeListOf(input);
        return listenerArn === undefined ? elbv2.describeRules(input) : look(listenerArn);
      },
      createRule: writing((input) => elbv2.createRule(input)),
      modifyRule: writing((input) => elbv2.modifyRule(input)),
      deleteRule: writing((input) => elbv2.deleteRule(input)),
    },
  };
}

/** The listener whose rules are asked for from the first on, or undefined for any other question. */
function wholeListOf({ ListenerArn, ...others }: DescribeRulesCommandInput): string | undefined {
  return Object.values(others).every((value) => value === undefined) ? ListenerArn : undefined;
}

async function listAll(elbv2: Elbv2Port, ListenerArn: string): Promise<Rules> {
  const rules: NonNullable<Rules['Rules']> = [];
  let Marker: string | undefined;
  do {
    const page: Rules = await elbv2.describeRules({ ListenerArn, ...(Marker ? { Marker } : {}) });
    rules.push(...(page.Rules ?? []));
    Marker = page.NextMarker;
  } while (Marker);
  return frozenCopy({ Rules: rules });
}

/** A copy, because what was answered may belong to whoever answered it; one for all readers is cheaper than one each. */
function frozenCopy<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  const copy = Array.isArray(value)
    ? value.map(frozenCopy)
    : Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, frozenCopy(inner)]));
  return Object.freeze(copy) as T;
}
