import type { Clock } from '../platform/clock.ts';
import type { AwsPorts, Elbv2Port } from './ports.ts';

type Page = Awaited<ReturnType<Elbv2Port['describeRules']>>;

/**
 * One DescribeRules per listener, shared by everybody who asks within `rules_shared_ms`: all previews of a load balancer
 * look at the same list. Dropped by each rule that this process writes, whether the call succeeded or not; an answer that
 * was on its way by then is not shared any more. Answers are frozen: they belong to many.
 */
export function sharedRules(
  ports: AwsPorts,
  { clock, rules_shared_ms }: { clock: Clock; rules_shared_ms: number },
): AwsPorts {
  const { elbv2 } = ports;
  const shared = new Map<string, { until: number; page: Promise<Page> }>();
  const describe = (ListenerArn: string): Promise<Page> => {
    const known = shared.get(ListenerArn);
    if (known && clock.monotonic() < known.until) return known.page;
    const page = describeAll(elbv2, ListenerArn);
    const entry = { until: clock.monotonic() + rules_shared_ms, page };
    shared.set(ListenerArn, entry);
    page.catch(() => {
      if (shared.get(ListenerArn) === entry) shared.delete(ListenerArn);
    });
    return page;
  };
  const writing =
    <I, O>(write: (input: I) => Promise<O>) =>
    async (input: I): Promise<O> => {
      shared.clear();
      try {
        return await write(input);
      } finally {
        shared.clear();
      }
    };
  return {
    ...ports,
    elbv2: {
      ...elbv2,
      describeRules: (input) => {
        const { ListenerArn, RuleArns, Marker, PageSize } = input;
        const whole =
          ListenerArn !== undefined && !RuleArns && Marker === undefined && PageSize === undefined;
        return whole ? describe(ListenerArn) : elbv2.describeRules(input);
      },
      createRule: writing(elbv2.createRule),
      modifyRule: writing(elbv2.modifyRule),
      deleteRule: writing(elbv2.deleteRule),
    },
  };
}

async function describeAll(elbv2: Elbv2Port, ListenerArn: string): Promise<Page> {
  const Rules: NonNullable<Page['Rules']> = [];
  let Marker: string | undefined;
  do {
    const page: Page = await elbv2.describeRules({ ListenerArn, ...(Marker ? { Marker } : {}) });
    Rules.push(...(page.Rules ?? []).map((rule) => Object.freeze(rule)));
    Marker = page.NextMarker;
  } while (Marker);
  return Object.freeze({ Rules: Object.freeze(Rules) as typeof Rules });
}
