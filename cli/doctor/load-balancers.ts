import type { LoadBalancer, Rule } from '@aws-sdk/client-elastic-load-balancing-v2';
import { listListeners, listLoadBalancers, listRules, type listTargetGroups } from '../../aws/account.ts';
import type { DoctorClients } from '../../aws/doctor-clients.ts';
import { Coordination } from '../../preview/coordination.ts';
import type { Account } from './account.ts';
import { DEPLOY } from './deploy.ts';
import { fail, type Finding, ok, orElse, warn } from './finding.ts';
import type { InstallNames } from './names.ts';
import { NEARLY, raiseQuota } from './quota.ts';

/** Of one load balancer of previews. */
export interface BalancerFacts {
  name: string;
  state: string;
  ports: number[];
  rules: Rule[];
  target_groups: number;
  /** Who holds a slot: preview/names.ts, `slotHolder`. */
  holders: string[];
}

/** How many public addresses a load balancer carries: `slots` in terraform/load-balancers.tf. */
export const SLOTS = 95;
/** Where all slots are used, two of AWS's 100 rules and more of its target groups are left: that is as it should be. */
const SPARE = 1;

export async function lookAtBalancers(
  clients: DoctorClients,
  { alb_prefix, coordination }: InstallNames,
  targetGroups: () => ReturnType<typeof listTargetGroups>,
): Promise<BalancerFacts[]> {
  const [balancers, groups] = await Promise.all([listLoadBalancers(clients), targetGroups()]);
  const own = balancers
    .filter(({ LoadBalancerName: name = '' }) => name.startsWith(alb_prefix) && /-\d+$/.test(name))
    .toSorted((a, b) => (a.LoadBalancerName ?? '').localeCompare(b.LoadBalancerName ?? ''));
  const table = new Coordination({ client: clients.document, table: coordination });
  return Promise.all(
    own.map(async (balancer) => {
      const { owners } = await table.readSlots(balancer.LoadBalancerName ?? '');
      const mine = groups.filter(({ LoadBalancerArns = [] }) =>
        LoadBalancerArns.includes(balancer.LoadBalancerArn ?? ''),
      );
      const facts = await lookAtBalancer(clients, balancer);
      return { ...facts, target_groups: mine.length, holders: Object.keys(owners) };
    }),
  );
}

async function lookAtBalancer(clients: DoctorClients, balancer: LoadBalancer) {
  const { LoadBalancerArn = '', LoadBalancerName: name = '', State } = balancer;
  const listeners = await listListeners(clients, LoadBalancerArn);
  const rules = await Promise.all(listeners.map(({ ListenerArn = '' }) => listRules(clients, ListenerArn)));
  const ports = listeners.flatMap(({ Port }) => Port ?? []);
  return { name, state: State?.Code ?? 'unknown', ports, rules: rules.flat() };
}

export async function judgeAccountsBalancers(account: Account): Promise<Finding[]> {
  const [balancers, limits] = await Promise.all([account.balancers(), account.limits()]);
  return judgeBalancers(balancers, limits, account);
}

/** Whether the load balancers are there and serve, and have room for more previews. */
export function judgeBalancers(
  balancers: readonly BalancerFacts[],
  limits: ReadonlyMap<string, number>,
  { names, region }: Pick<Account, 'names' | 'region'>,
): Finding[] {
  if (balancers.length === 0) {
    const means = 'No preview can be reached, and none can be started.';
    return [fail(`there is no load balancer ${names.alb_prefix}1`, { means, fix: DEPLOY })];
  }
  const found = balancers.flatMap((balancer) => [
    ...judgeBalancer(balancer),
    ...judgeQuotas(balancer, limits, region),
  ]);
  const used = balancers.reduce((sum, { holders }) => sum + holders.length, 0);
  const slots = SLOTS * balancers.length;
  const facts = {
    slots: { used, of: slots },
    load_balancers: balancers.map(({ rules, holders, ...rest }) => ({
      ...rest,
      rules: rules.length,
      slots: holders.length,
    })),
  };
  if (used >= NEARLY * slots) found.push(judgeSlots(used, slots, balancers.length));
  return orElse(
    found.map((finding) => ({ ...finding, facts: { ...facts, ...finding.facts } })),
    ok(`${balancers.length} of previews, ${used} of ${slots} slots used`, facts),
  );
}

function judgeSlots(used: number, slots: number, count: number): Finding {
  const fix =
    count < 4
      ? `set alb_count = ${count + 1} in terraform/terraform.tfvars, then ${DEPLOY}; or tempus rm what nobody needs`
      : 'tempus rm what nobody needs, or make a second install: alb_count is at its most';
  if (used < slots) {
    const means = `${slots - used} more public addresses fit; then previews wait until others go.`;
    return warn(`${used} of ${slots} slots are used`, { means, fix });
  }
  const means = 'New previews wait (Admitted=False, CapacityExhausted) until others go.';
  return fail(`all ${slots} slots are used`, { means, fix });
}

function judgeBalancer({ name, state, ports }: BalancerFacts): Finding[] {
  const found: Finding[] = [];
  if (state !== 'active') {
    const means = 'What it carries may not be reached.';
    found.push(
      fail(`${name} is ${state}`, {
        means,
        fix: 'wait some minutes while it is provisioning, else make deploy',
      }),
    );
  }
  if (ports.length === 0) {
    const means = 'Nothing that it carries can be reached, and no preview can be placed on it.';
    found.push(fail(`${name} has no listener`, { means, fix: DEPLOY }));
  }
  return found;
}

function judgeQuotas(
  { name, rules, target_groups }: BalancerFacts,
  limits: ReadonlyMap<string, number>,
  region: string,
): Finding[] {
  const of = [
    {
      what: 'rules',
      used: rules.length,
      limit: limits.get('rules-per-application-load-balancer'),
      fix: raiseQuota('elasticloadbalancing', 'Rules per Application Load Balancer', 200, region),
    },
    {
      what: 'target groups',
      used: target_groups,
      limit: limits.get('target-groups-per-application-load-balancer'),
      fix: 'AWS does not raise this one: set a higher alb_count, then make deploy',
    },
  ];
  return of.flatMap(({ what, used, limit, fix }): Finding[] => {
    if (limit === undefined || used < limit - SPARE) return [];
    const means = 'AWS refuses more of them: previews that need one wait.';
    const judge = used >= limit ? fail : warn;
    return [judge(`${name} has ${used} of ${limit} ${what}`, { means, fix, facts: { [what]: used, limit } })];
  });
}

/** Target groups of the whole Region, everybody's. */
export async function lookAtTargetGroups({ targetGroups, limits, region }: Account): Promise<Finding[]> {
  const [groups, known] = await Promise.all([targetGroups(), limits()]);
  return [judgeTargetGroups(groups.length, known.get('target-groups'), region)];
}

export function judgeTargetGroups(used: number, limit: number | undefined, region: string): Finding {
  const facts = { used, limit: limit ?? null };
  if (limit === undefined || used < NEARLY * limit)
    return ok(`${used} of ${limit ?? 'an unknown number of'} target groups of ${region}`, facts);
  const means = 'Every public address of a preview takes one, and AWS refuses more than the quota.';
  const fix = raiseQuota('elasticloadbalancing', 'Target Groups per Region', limit * 2, region);
  const judge = used >= limit ? fail : warn;
  return judge(`${used} of ${limit} target groups of ${region} are used`, { means, fix, facts });
}
