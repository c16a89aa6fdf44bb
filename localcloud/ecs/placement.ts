import type { Realism } from '../realism/realism.ts';
import type { EcsState, TaskDefinitionRecord, TaskRecord } from './state.ts';
import { fargateSize } from './fargate-sizes.ts';

const UNITS_OF_VCPU = 1024;

const SPOT = 'FARGATE_SPOT';

/** Why one more task of the definition does not fit into the account now, in AWS's words; undefined where it does. */
export function placementRefusal(
  { registered }: TaskDefinitionRecord,
  { tasks }: Pick<EcsState, 'tasks'>,
  { realism, provider }: { realism: Pick<Realism, 'vcpus' | 'admitsLaunch'>; provider: string | undefined },
): string | undefined {
  const asked = fargateSize(registered.cpu, registered.memory).cpu;
  // Spot has a quota of its own.
  const units = tasks
    .filter(({ lastStatus, capacityProvider }) => {
      return lastStatus !== 'STOPPED' && (capacityProvider === SPOT) === (provider === SPOT);
    })
    .reduce(addCpu, asked);
  if (units > realism.vcpus * UNITS_OF_VCPU) {
    return "You've reached the limit on the number of vCPUs you can run concurrently";
  }
  return realism.admitsLaunch() ? undefined : 'Rate exceeded';
}

function addCpu(units: number, { cpu, memory }: TaskRecord): number {
  return units + fargateSize(cpu, memory).cpu;
}
