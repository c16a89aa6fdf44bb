import { describe, expect, test } from 'vitest';
import type { Plan, Resource } from './plan.ts';
import { ALLOWED, type Variant } from './variants.ts';

const PREVIEWS = 'aws_security_group.previews';
const PREVIEWS_ALB = 'aws_security_group.previews_alb';
const LOAD_BALANCERS = [PREVIEWS_ALB, 'aws_security_group.api_alb'];

interface Rule {
  cidr_ipv4?: string | null;
  cidr_ipv6?: string | null;
  prefix_list_id?: string | null;
  ip_protocol: string;
  from_port: number;
  to_port: number;
}

interface Door extends Rule {
  /** Groups that the rule may stand in, and groups that it lets in or out to. */
  of: string[];
  groups: string[];
}

function doors(plan: Plan, direction: 'ingress' | 'egress'): Door[] {
  return plan.of(`aws_vpc_security_group_${direction}_rule`).map((rule) => ({
    ...(rule.values as unknown as Rule),
    of: plan.referencesOf(rule, 'security_group_id'),
    groups: plan.referencesOf(rule, 'referenced_security_group_id'),
  }));
}

interface Action {
  type: string;
  fixed_response?: { status_code: string; message_body: string }[];
  redirect?: { protocol: string; port: string; status_code: string }[];
}

interface Listener {
  port: number;
  protocol: string;
  ssl_policy?: string | null;
  default_action: Action[];
}

const listener = ({ values }: Resource) => values as unknown as Listener;

function securityGroups(plan: Plan, { domain }: Variant): void {
  const ingress = doors(plan, 'ingress');

  test('a preview is reached from the load balancers of previews, and from nowhere else', () => {
    const [door, ...others] = ingress.filter(({ of }) => of.includes(PREVIEWS));
    expect(others).toEqual([]);
    expect(door).toMatchObject({ of: [PREVIEWS], groups: [PREVIEWS_ALB], cidr_ipv4: null });
  });

  test('no preview gets into anything of ours, and nobody gets into the controller', () => {
    expect(ingress.filter(({ groups }) => groups.includes(PREVIEWS))).toEqual([]);
    expect(ingress.filter(({ of }) => of.includes('aws_security_group.controller'))).toEqual([]);
  });

  test('tasks are reached from load balancers, and those from the ranges that were allowed', () => {
    const ports = domain ? [80, 443] : [80];
    for (const { of, groups, cidr_ipv4, cidr_ipv6, prefix_list_id, from_port, to_port } of ingress) {
      expect([cidr_ipv6, prefix_list_id]).toEqual([null, null]);
      if (groups.length > 0) {
        expect(LOAD_BALANCERS).toEqual(expect.arrayContaining(groups));
        continue;
      }
      expect(LOAD_BALANCERS).toEqual(expect.arrayContaining(of));
      expect(cidr_ipv4).toBe(domain ? '0.0.0.0/0' : ALLOWED);
      expect(ports).toContain(from_port);
      expect(to_port).toBe(from_port);
    }
  });

  test('load balancers get out to tasks alone', () => {
    const out = doors(plan, 'egress').filter(({ of }) => of.some((group) => LOAD_BALANCERS.includes(group)));
    expect(out.length).toBeGreaterThan(2);
    for (const { groups, cidr_ipv4 } of out)
      expect([groups.length > 0, cidr_ipv4 ?? null]).toEqual([true, null]);
  });

  test('every task and load balancer is in a group of its own kind, and has none of the defaults', () => {
    const groupsOf = (address: string, argument: string) => plan.referencesOf(plan.at(address), argument);
    expect(groupsOf('aws_ecs_service.api', 'network_configuration.security_groups')).toEqual([
      'aws_security_group.api',
    ]);
    expect(groupsOf('aws_ecs_service.controller', 'network_configuration.security_groups')).toEqual([
      'aws_security_group.controller',
    ]);
    for (const alb of plan.of('aws_lb'))
      expect(plan.referencesOf(alb, 'security_groups')).toEqual([
        alb.name === 'api' ? 'aws_security_group.api_alb' : PREVIEWS_ALB,
      ]);
  });
}

function origins(plan: Plan, { domain, albs, install }: Variant): void {
  const apiRules = plan.of('aws_lb_listener_rule').filter(({ name }) => name === 'api');
  const apiBalancers = plan.of('aws_lb').filter(({ name }) => name === 'api');

  if (domain)
    test('everything is HTTPS, and the API has a name that is no preview', () => {
      const encrypted = plan.of('aws_lb_listener').filter(({ name }) => name === 'previews');
      expect(encrypted).toHaveLength(albs);
      for (const one of encrypted)
        expect(listener(one)).toMatchObject({
          protocol: 'HTTPS',
          port: 443,
          ssl_policy: expect.stringContaining('TLS13') as string,
        });
      for (const one of plan.of('aws_lb_listener').filter(({ name }) => name !== 'previews'))
        expect(listener(one)).toMatchObject({
          port: 80,
          default_action: [{ type: 'redirect', redirect: [{ protocol: 'HTTPS', port: '443' }] }],
        });
      expect(apiBalancers).toEqual([]);
      expect(apiRules.map(({ values }) => values['condition'])).toMatchObject([
        [{ host_header: [{ values: ['tempus.example.com'] }], path_pattern: [] }],
      ]);
      expect(plan.output('api_url')).toBe('https://tempus.example.com');
    });
  else
    test('API and previews have different load balancers, and so no origin in common', () => {
      expect(apiBalancers.map(({ values }) => values['name'])).toEqual([`${install}-api`]);
      expect(apiRules).toEqual([]);
      for (const one of plan.of('aws_lb_listener'))
        expect(plan.referencesOf(one, 'load_balancer_arn')).toEqual([`aws_lb.${one.name}`]);
    });
}

function apiTargetGroup(plan: Plan, { domain, install }: Variant): void {
  test('the API has another target group behind another load balancer: AWS lets none be behind two', () => {
    const [group, ...others] = plan.of('aws_lb_target_group').filter(({ name }) => name === 'api');
    expect(others).toEqual([]);
    expect(group!.values['name']).toBe(domain ? `${install}-api-tls` : `${install}-api`);
  });
}

function answersOfNobody(plan: Plan, { albs }: Variant): void {
  test('an address without a preview answers 404, and no search engine may look, on each load balancer', () => {
    const listeners = plan.of('aws_lb_listener').filter(({ name }) => name === 'previews');
    const robots = plan.of('aws_lb_listener_rule').filter(({ name }) => name === 'robots');
    expect([listeners.length, robots.length]).toEqual([albs, albs]);
    expect(robots.map(({ index }) => index)).toEqual(listeners.map(({ index }) => index));
    for (const one of listeners)
      expect(listener(one).default_action).toMatchObject([
        { type: 'fixed-response', fixed_response: [{ status_code: '404' }] },
      ]);
    for (const { values } of robots)
      expect(values).toMatchObject({
        condition: [{ path_pattern: [{ values: ['/robots.txt'] }] }],
        action: [{ fixed_response: [{ status_code: '200', message_body: 'User-agent: *\nDisallow: /\n' }] }],
      });
  });
}

export function network(plan: Plan, variant: Variant): void {
  describe('walls', () => securityGroups(plan, variant));
  describe('origins', () => origins(plan, variant));
  apiTargetGroup(plan, variant);
  answersOfNobody(plan, variant);

  test('tasks have public addresses only where there is no other way out', () => {
    for (const { values } of plan.of('aws_ecs_service'))
      expect(values['network_configuration']).toMatchObject([{ assign_public_ip: !variant.isPrivate }]);
  });
}
