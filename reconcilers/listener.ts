import type { Rule } from '@aws-sdk/client-elastic-load-balancing-v2';
import { isListenerGone, isRuleGone } from '../aws/errors.ts';
import type { Elbv2Port } from '../aws/ports.ts';
import type { PreviewRow } from '../preview/record.ts';
import { MAIN } from '../preview/endpoints.ts';
import { previewLabel } from '../preview/urls.ts';
import type { AlbConfig } from './config.ts';
import { ruleName, rulePriorities } from './plan-endpoint.ts';
import { valuesOf } from './rule-match.ts';
import type { Slot } from './allotment.ts';

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

/** The trace name of a rule that serves an address of this preview, by what it matches. */
export function servedBy(rule: Rule, id: string, alb: AlbConfig): string | undefined {
  const values = (field: string) =>
    (rule.Conditions ?? []).filter(({ Field }) => Field === field).flatMap(valuesOf);
  const label = previewLabel(id);
  const suffixOf = (text: string) =>
    text === label ? '' : text.startsWith(`${label}-`) ? text.slice(label.length + 1) : undefined;
  const domain = alb.host_domain && `.${alb.host_domain.replace(/:\d+$/, '')}`;
  for (const host of domain ? values('host-header') : []) {
    const suffix = host.endsWith(domain ?? '') ? suffixOf(host.slice(0, -(domain ?? '').length)) : undefined;
    if (suffix !== undefined) return ruleName(id, suffix, 'host');
  }
  for (const path of values('path-pattern')) {
    const suffix = suffixOf(path.slice(1));
    if (suffix !== undefined && !suffix.includes('/')) return ruleName(id, suffix, 'path');
  }
  return undefined;
}

/** The trace name of a rule that serves this preview or stands in its slots, or undefined for any other rule. */
export function nameOf(rule: Rule, { id, status: { slot } }: PreviewRow, alb: AlbConfig): string | undefined {
  const served = servedBy(rule, id, alb);
  if (served !== undefined || slot?.alb !== alb.name) return served;
  const priority = Number(rule.Priority);
  for (const [suffix, n] of Object.entries({ [MAIN]: slot.n, ...slot.others })) {
    const held = rulePriorities(n);
    if (priority === held.host) return ruleName(id, suffix, 'host');
    if (priority === held.path) return ruleName(id, suffix, 'path');
  }
  return undefined;
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
