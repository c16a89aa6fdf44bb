import type { Task } from '@aws-sdk/client-ecs';
import { listTasks } from '../../aws/account.ts';
import { isClusterGone, isQuotaUnknown } from '../../aws/errors.ts';
import type { DoctorClients } from '../../aws/doctor-clients.ts';
import type { Account } from './account.ts';
import { fail, type Finding, ok, skipped, warn } from './finding.ts';
import { NEARLY } from './quota.ts';

/** How Fargate's capacity is bought, and what limits it: Amazon ECS developer guide, "Service quotas". */
export const CAPACITIES = {
  'on demand': { code: 'L-3032A538', provider: 'FARGATE' },
  Spot: { code: 'L-36FBB829', provider: 'FARGATE_SPOT' },
} as const;
export type Capacity = keyof typeof CAPACITIES;

/** What a new account has. AWS raises it by itself as an account uses more. */
const DEFAULT_VCPUS = 6;
/** The smallest preview, and the usual one. */
const PREVIEW_VCPUS = 0.25;
const UNITS_A_VCPU = 1024;

export async function lookAtFargate(
  capacity: Capacity,
  tasks: () => Promise<Task[]>,
  account: Account,
): Promise<Finding[]> {
  const quota = await readQuota(account.clients, CAPACITIES[capacity].code);
  try {
    return [judgeFargate(capacity, quota, usedVcpus(await tasks(), capacity), account.region)];
  } catch (error) {
    if (isClusterGone(error)) return [skipped('there is no cluster whose tasks could be counted')];
    throw error;
  }
}

/** Of the cluster of the install. */
export function lookAtTasks({ clients, names }: Account): Promise<Task[]> {
  return listTasks(clients, names.cluster);
}

/** Undefined where Service Quotas has no value of the account's own: then AWS's default counts. */
async function readQuota({ quotas }: DoctorClients, QuotaCode: string): Promise<number | undefined> {
  try {
    return (await quotas.getServiceQuota({ ServiceCode: 'fargate', QuotaCode })).Quota?.Value;
  } catch (error) {
    if (isQuotaUnknown(error)) return undefined;
    throw error;
  }
}

export function usedVcpus(tasks: readonly Task[], capacity: Capacity): number {
  const own = tasks.filter(
    ({ capacityProviderName = 'FARGATE' }) => capacityProviderName === CAPACITIES[capacity].provider,
  );
  return own.reduce((sum, { cpu }) => sum + Number(cpu ?? 0) / UNITS_A_VCPU, 0);
}

/** `used` is what this install uses; others in the account and Region count against the same quota and are not seen. */
export function judgeFargate(
  capacity: Capacity,
  quota: number | undefined,
  used: number,
  region: string,
): Finding {
  const vcpus = quota ?? DEFAULT_VCPUS;
  const fits = Math.max(0, Math.floor((vcpus - used) / PREVIEW_VCPUS));
  const facts = { vcpus, used_vcpus: used, fits, applied: quota !== undefined };
  const finding = `${used} of ${vcpus} vCPU ${capacity} used by this install: ${fits} more previews of ${PREVIEW_VCPUS}`;
  const fix =
    `aws service-quotas request-service-quota-increase --service-code fargate --quota-code ${CAPACITIES[capacity].code} ` +
    `--desired-value ${Math.max(100, vcpus * 2)} --region ${region}`;
  if (fits === 0) {
    const means = 'Fargate starts no further task: new previews fail with CapacityExhausted until others go.';
    return fail(finding, { means, fix, facts });
  }
  if (used >= NEARLY * vcpus) {
    const means = 'Beyond it Fargate starts no task, and an update of a preview needs room for two.';
    return warn(finding, { means, fix, facts });
  }
  if (vcpus <= DEFAULT_VCPUS) {
    const all = Math.floor(vcpus / PREVIEW_VCPUS);
    const means =
      `This is what a new account gets: ${all} previews of ${PREVIEW_VCPUS} vCPU in all, ` +
      "control plane and everybody else's tasks included.";
    return warn(finding, { means, fix, facts });
  }
  return ok(finding, facts);
}
