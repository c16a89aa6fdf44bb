import type { CostView } from './view.ts';
import type { PreviewRow } from './record.ts';
import { hashSpec } from './spec.ts';
import { type Arch, type Capacity, UNSAID } from './spec-fields.ts';

/**
 * Public us-east-1 prices, USD per hour: Fargate on Linux per vCPU and per GB, on demand, and one public IPv4 address,
 * which every task in a public subnet has. Fargate bills by the second with a minimum of one minute.
 */
const ON_DEMAND: Readonly<Record<Arch, { vcpu: number; gigabyte: number }>> = {
  X86_64: { vcpu: 0.04048, gigabyte: 0.004445 },
  ARM64: { vcpu: 0.03238, gigabyte: 0.00356 },
};
const IPV4 = 0.005;
/** Spot prices float; this is about what they are of those on demand. */
const SHARE: Readonly<Record<Capacity, number>> = { on_demand: 1, spot: 0.32 };
const SOURCE =
  'Fargate on Linux and public IPv4, us-east-1, November 2026, Spot as 32 % of it; an estimate, not a bill';
const MINIMUM_HOURS = 60 / 3600;
const HOUR_MS = 3_600_000;

/** What a task is billed by: CPU units (1024 = 1 vCPU), MiB, and where it runs. */
export interface TaskSize {
  cpu: number;
  memory: number;
  arch?: Arch | undefined;
  capacity?: Capacity | undefined;
}

/** USD per hour of one running task. */
export function hourlyCost({ cpu, memory, arch, capacity }: TaskSize): number {
  // An operator may have stored anything for these two; what is not accepted does not run there.
  const price = ON_DEMAND[arch ?? UNSAID.arch] ?? ON_DEMAND[UNSAID.arch];
  const share = SHARE[capacity ?? UNSAID.capacity] ?? SHARE[UNSAID.capacity];
  return share * ((cpu / 1024) * price.vcpu + (memory / 1024) * price.gigabyte) + IPV4;
}

/** USD for a task that runs `hours`; zero only for one that never started. */
export function runCost(size: TaskSize, hours: number): number {
  return hours <= 0 ? 0 : hourlyCost(size) * Math.max(hours, MINIMUM_HOURS);
}

/**
 * What a preview costs on Fargate: so far, and by its end. Counted from the creation of its service to the moment
 * that service was seen absent, which is never less than AWS bills.
 */
export function previewCost(row: PreviewRow, now: Date): CostView {
  const size = runningSpec(row);
  const service = Object.entries(row.status.resources).find(([key]) => key.startsWith('service#'))?.[1];
  const hoursUntil = (end: string | Date) =>
    service?.created_at === undefined
      ? 0
      : (new Date(end).getTime() - new Date(service.created_at).getTime()) / HOUR_MS;
  const ended = service?.absent_at;
  const soFar = runCost(size, hoursUntil(ended ?? now));
  const whole =
    ended === undefined && row.live
      ? runCost(size, (new Date(row.expires_at).getTime() - new Date(row.created_at).getTime()) / HOUR_MS)
      : soFar;
  return {
    currency: 'USD',
    per_hour: round(hourlyCost(size)),
    so_far: round(soFar),
    projected: round(Math.max(whole, soFar)),
    source: SOURCE,
  };
}

/** After a rejection what was Ready before runs on: at its own size, and where it ran. */
function runningSpec({ spec, status: { accepted, served_spec, failed_spec } }: PreviewRow): TaskSize {
  if (!accepted) return spec;
  const rejected = failed_spec !== undefined && failed_spec === hashSpec(accepted.spec);
  return rejected ? (served_spec ?? accepted.spec) : accepted.spec;
}

function round(usd: number): number {
  return Math.round(usd * 1e6) / 1e6;
}
