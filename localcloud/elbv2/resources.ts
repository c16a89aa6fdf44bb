import type { Tag } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Elbv2State, RuleRecord, TargetGroupRecord } from './state.ts';

/**
 * What the reads of load balancing may be late about, each with its tags, with which it is created. Load balancers and
 * their listeners are old wherever it matters.
 */
export type Elbv2Resource =
  | { kind: 'rule'; record: RuleRecord; tags: Tag[] }
  | { kind: 'group'; record: TargetGroupRecord; tags: Tag[] };

export function splitElbv2({ rules, targetGroups, tags }: Elbv2State): Map<string, Elbv2Resource> {
  // A default rule is a part of its listener.
  const ofPreviews = rules.filter(({ priority }) => priority !== undefined);
  const resources: Elbv2Resource[] = [
    ...ofPreviews.map((record) => ({ kind: 'rule', record, tags: tags[record.arn] ?? [] }) as const),
    ...targetGroups.map((record) => ({ kind: 'group', record, tags: tags[record.arn] ?? [] }) as const),
  ];
  return new Map(resources.map((resource) => [resource.record.arn, resource]));
}

export function joinElbv2(resources: ReadonlyMap<string, Elbv2Resource>, current: Elbv2State): Elbv2State {
  const late = splitElbv2(current);
  const others = Object.entries(current.tags).filter(([arn]) => !late.has(arn));
  const all = [...resources.values()];
  return {
    loadBalancers: current.loadBalancers,
    listeners: current.listeners,
    rules: [
      ...current.rules.filter(({ arn }) => !late.has(arn)),
      ...all.flatMap((one) => (one.kind === 'rule' ? [one.record] : [])),
    ],
    targetGroups: all.flatMap((one) => (one.kind === 'group' ? [one.record] : [])),
    tags: Object.fromEntries([...others, ...all.map(({ record, tags }) => [record.arn, tags] as const)]),
  };
}
