import { createDoctorClients, type DoctorClients } from '../../aws/doctor-clients.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Env } from '../../platform/config.ts';
import { type Account, openAccount } from './account.ts';
import { explainAws } from './aws-failure.ts';
import { type Check, once, runChecks, type Verdict } from './check.ts';
import { judgeSkew } from './clock-skew.ts';
import { lookAtCluster, lookAtControlPlane } from './cluster.ts';
import { judgeRegion, judgeStranger, lookAtIdentity, lookAtRegion } from './credentials.ts';
import { lookAtExpiry, lookAtFuses } from './expiry.ts';
import { CAPACITIES, type Capacity, lookAtFargate, lookAtTasks } from './fargate.ts';
import { skipped } from './finding.ts';
import { judgeAccountsBalancers, lookAtTargetGroups } from './load-balancers.ts';
import { installNames } from './names.ts';
import { lookAtOrphans } from './orphans.ts';
import { lookAtRecords } from './records.ts';
import { lookAtTable, wishedTables } from './tables.ts';

export interface AwsDeps {
  install: string;
  /** From the command line; absent: the SDK's own chain decides. */
  region: string | undefined;
  clock: Clock;
  env: Env;
}

/** Looks at the account that the caller's credentials reach. Without them, or a Region, there is nothing to look at. */
export async function examineAws({ install, region: asked, clock, env }: AwsDeps): Promise<Verdict[]> {
  const clients = createDoctorClients(clock, asked);
  try {
    const region = await runChecks([regionCheck(clients, asked, env)], clock);
    const caller = region[0]?.state === 'ok' ? await runChecks([callerCheck(clients, env)], clock) : [];
    // Who may not ask who he is can still look at everything else.
    const known = caller[0] !== undefined && caller[0].state !== 'fail';
    const account = openAccount(clients, installNames(install), {
      region: known ? await clients.region() : '',
      clock,
    });
    const rest = checksOf(account).map((check) => (known ? check : notLookedAt(check)));
    // What has been told of the time so far is enough.
    const time: Check = { name: 'clock of aws', look: async () => [judgeSkew('AWS', clients.skewMs())] };
    return [...region, ...caller, ...(await runChecks([time, ...rest], clock))];
  } finally {
    clients.destroy();
  }
}

function regionCheck(clients: DoctorClients, asked: string | undefined, env: Env): Check {
  const look = async () => [judgeRegion(await lookAtRegion(clients, asked, env), env)];
  return { name: 'region', look };
}

function callerCheck(clients: DoctorClients, env: Env): Check {
  return {
    name: 'credentials',
    look: async () => [await lookAtIdentity(clients)],
    explain: (error) => judgeStranger(clients, error, env),
  };
}

function notLookedAt({ name }: Check): Check {
  return { name, look: async () => [skipped('AWS cannot be asked: see region and credentials')] };
}

function checksOf(account: Account): Check[] {
  const { clients } = account;
  const tasks = once(() => lookAtTasks(account));
  const looks: [string, Check['look']][] = [
    ...Object.entries(wishedTables(account)).map(([name, wish]): [string, Check['look']] => [
      `table ${name}`,
      () => lookAtTable(wish, account),
    ]),
    ['cluster', () => lookAtCluster(account)],
    ['control plane', () => lookAtControlPlane(account)],
    ['load balancers', () => judgeAccountsBalancers(account)],
    ['target groups', () => lookAtTargetGroups(account)],
    ...(Object.keys(CAPACITIES) as Capacity[]).map((capacity): [string, Check['look']] => [
      `fargate ${capacity.toLowerCase()}`,
      () => lookAtFargate(capacity, tasks, account),
    ]),
    ['expiry', () => lookAtExpiry(account)],
    ['fuses', () => lookAtFuses(account)],
    ['records', () => lookAtRecords(account)],
    ['orphans', () => lookAtOrphans(account)],
  ];
  return looks.map(([name, look]) => ({ name, look, explain: explainAws(clients) }));
}
