import { listTargetGroups, readLoadBalancingLimits } from '../../aws/account.ts';
import type { DoctorClients } from '../../aws/doctor-clients.ts';
import type { Clock } from '../../platform/clock.ts';
import { once } from './check.ts';
import { type BalancerFacts, lookAtBalancers } from './load-balancers.ts';
import { type LiveRecord, readLiveRecords } from './live-records.ts';
import type { InstallNames } from './names.ts';

/** The account as all checks of AWS see it: what several of them need is asked for once. */
export interface Account {
  clients: DoctorClients;
  names: InstallNames;
  region: string;
  /** By AWS's clock where it has told the time: a machine that is off must not make previews look overdue. */
  now: () => Date;
  records: () => Promise<LiveRecord[]>;
  targetGroups: () => ReturnType<typeof listTargetGroups>;
  limits: () => ReturnType<typeof readLoadBalancingLimits>;
  balancers: () => Promise<BalancerFacts[]>;
}

export function openAccount(
  clients: DoctorClients,
  names: InstallNames,
  { region, clock }: { region: string; clock: Clock },
): Account {
  const targetGroups = once(() => listTargetGroups(clients));
  return {
    clients,
    names,
    region,
    now: () => new Date(clock.now().getTime() + (clients.skewMs() ?? 0)),
    records: once(() => readLiveRecords(clients, names)),
    targetGroups,
    limits: once(() => readLoadBalancingLimits(clients)),
    balancers: once(() => lookAtBalancers(clients, names, targetGroups)),
  };
}
