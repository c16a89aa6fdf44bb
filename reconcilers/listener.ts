import type { Rule } from '@aws-sdk/client-elastic-load-balancing-v2';
import { isListenerGone, isRuleGone } from '../aws/errors.ts';
import type { Elbv2Port } from '../aws/ports.ts';
import type { PreviewRow } from '../preview/record.ts';
import { previewHost, previewLabel } from '../preview/urls.ts';
import type { AlbConfig } from './config.ts';
import { ruleName, rulePriorities } from './plan.ts';
import { valuesOf } from './rule-match.ts';
import type { Slot } from './slots.ts';

/** Every rule of a listener, over all pages; none where the listener is gone. */
export async function listRules(elbv2: Elbv2Port, listenerArn: string): Promise<Rule[]> {
  const rules: Rule[] = [];
  let Marker: string | undefined;
  try {
    do {
      const page = await elbv2.describeRules({ ListenerArn: listenerArn, ...(Marker ? { Marker } : {}) });
      rules.push(...(page.Rules ?? []));
      Marker = page.NextMarker;
    } while (Marker);
  } catch (error) {
    if (!isListenerGone(error)) throw error;
    return [];
  }
  return rules;
}

/** Deletes a rule; one that is gone already is as good as deleted. */
export async function deleteRule(elbv2: Elbv2Port, RuleArn: string | undefined): Promise<void> {
  try {
    await elbv2.deleteRule({ RuleArn });
  } catch (error) {
    if (!isRuleGone(error)) throw error;
  }
}

/** The trace name of a rule that serves this preview, by what it matches. */
export function servedBy(rule: Rule, id: string, alb: AlbConfig): string | undefined {
  const values = (field: string) =>
    (rule.Conditions ?? []).filter(({ Field }) => Field === field).flatMap(valuesOf);
  const matchesHost = alb.host_domain && values('host-header').includes(previewHost(id, alb.host_domain));
  if (matchesHost) return ruleName(id, 'host');
  return values('path-pattern').includes(`/${previewLabel(id)}`) ? ruleName(id, 'path') : undefined;
}

/** The trace name of a rule that serves this preview or stands in its slot, or undefined for any other rule. */
export function nameOf(rule: Rule, { id, status: { slot } }: PreviewRow, alb: AlbConfig): string | undefined {
  const served = servedBy(rule, id, alb);
  if (served !== undefined || slot?.alb !== alb.name) return served;
  const held = rulePriorities(slot.n);
  const priority = Number(rule.Priority);
  if (priority === held.host) return ruleName(id, 'host');
  return priority === held.path ? ruleName(id, 'path') : undefined;
}

/** Those of the free slots whose priorities nobody's rule holds: a stranger's place is passed over, not fought for. */
export async function withoutStrangers(free: readonly Slot[], elbv2: Elbv2Port): Promise<Slot[]> {
  const taken = new Map<string, ReadonlySet<number>>();
  for (const { listener_arn } of new Set(free.map(({ alb }) => alb))) {
    const rules = await listRules(elbv2, listener_arn);
    taken.set(listener_arn, new Set(rules.map(({ Priority }) => Number(Priority))));
  }
  return free.filter(({ alb, n }) => {
    const { host, path } = rulePriorities(n);
    const here = taken.get(alb.listener_arn);
    return !here?.has(host) && !here?.has(path);
  });
}
