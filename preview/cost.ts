import type { CostView } from './view.ts';
import type { PreviewRow } from './record.ts';

/**
 * Public us-east-1 on-demand prices, USD per hour: Fargate Linux/x86 per vCPU and per GB, and one public IPv4
 * address, which every task in a public subnet has. Fargate bills by the second with a minimum of one minute.
 */
const PRICES = { vcpu: 0.04048, gigabyte: 0.004445, ipv4: 0.005 } as const;
const SOURCE =
  'Fargate Linux/x86 on demand and public IPv4, us-east-1, November 2026; an estimate, not a bill';
const MINIMUM_HOURS = 60 / 3600;
const HOUR_MS = 3_600_000;

/** USD per hour of one running task with `cpu` CPU units (1024 = 1 vCPU) and `memory` MiB. */
export function hourlyCost({ cpu, memory }: { cpu: number; memory: number }): number {
  return (cpu / 1024) * PRICES.vcpu + (memory / 1024) * PRICES.gigabyte + PRICES.ipv4;
}

/** USD for a task that runs `hours`; zero only for one that never started. */
export function runCost(size: { cpu: number; memory: number }, hours: number): number {
  return hours <= 0 ? 0 : hourlyCost(size) * Math.max(hours, MINIMUM_HOURS);
}

/**
 * What a preview costs on Fargate: so far, and by its end. Counted from the creation of its service to the moment
 * that service was seen absent, which is never less than AWS bills.
 */
export function previewCost(row: PreviewRow, now: Date): CostView {
  const size = row.status.accepted?.spec ?? row.spec;
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

function round(usd: number): number {
  return Math.round(usd * 1e6) / 1e6;
}
