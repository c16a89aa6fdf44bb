import { hourlyCost } from '../../preview/cost.ts';
import type { IdleHour } from './idle-hour.ts';
import type { Plan } from './plan.ts';

/** AWS counts a month as this many hours. */
const MONTH_HOURS = 730;
/** A task of no size costs what its address costs. */
export const ADDRESS_HOUR = hourlyCost({ cpu: 0, memory: 0 });

/**
 * USD, us-east-1, as AWS's public price pages had them in November 2026. Fargate and public addresses are priced in
 * preview/cost.ts. Free tiers that end after a year are left out, and so are those of CloudWatch and Lambda.
 */
const PRICES = {
  load_balancer_hour: 0.0225,
  nat_hour: 0.045,
  alarm: 0.1,
  metric: 0.3,
  dashboard: 3,
  free_dashboards: 3,
  million_writes: 0.625,
  million_reads: 0.125,
  million_stream_reads: 0.2,
  free_stream_reads: 2_500_000,
  million_invocations: 0.2,
  arm_gigabyte_second: 0.0000133334,
  log_gigabyte: 0.5,
  image_gigabyte: 0.1,
} as const;

/** What nobody can count beforehand. A run of lambda/expire that finds nothing, and what it and the leader write a minute. */
const ESTIMATES = { expire_seconds: 0.1, logged_bytes_a_minute: 600, gigabytes_a_repository: 0.1 } as const;

/** One part of the bill for a month in which no preview runs. */
export interface Line {
  item: string;
  cents: number;
}

export interface Idle {
  hour: IdleHour;
  /** The plan of terraform/bootstrap. */
  bootstrap: Plan;
}

interface Service {
  desired_count: number;
  network_configuration: [{ assign_public_ip: boolean }];
}

interface TaskDefinition {
  cpu: string;
  memory: string;
  runtime_platform: [{ cpu_architecture: 'X86_64' | 'ARM64' }];
}

const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0);
const cents = (usd: number) => Math.round(usd * 100);

/** USD an hour for every task that the services want, without their addresses. */
function taskHour(plan: Plan): number {
  return sum(
    plan.of('aws_ecs_service').map((service) => {
      const { desired_count } = service.values as unknown as Service;
      const [definition = ''] = plan.referencesOf(service, 'task_definition');
      const { cpu, memory, runtime_platform } = plan.at(definition).values as unknown as TaskDefinition;
      const [{ cpu_architecture: arch }] = runtime_platform;
      const hour = hourlyCost({ cpu: Number(cpu), memory: Number(memory), arch, capacity: 'on_demand' });
      return desired_count * (hour - ADDRESS_HOUR);
    }),
  );
}

function publicTasks(plan: Plan): number {
  return sum(
    plan.of('aws_ecs_service').map(({ values }) => {
      const { desired_count, network_configuration } = values as unknown as Service;
      return network_configuration[0].assign_public_ip ? desired_count : 0;
    }),
  );
}

function requests({ writes, reads, queries, streamReads }: IdleHour): { tables: number; stream: number } {
  const millions = (n: number) => (n * MONTH_HOURS) / 1e6;
  const paid = Math.max(0, streamReads * MONTH_HOURS - PRICES.free_stream_reads);
  return {
    tables: millions(writes) * PRICES.million_writes + millions(reads + queries / 2) * PRICES.million_reads,
    stream: (paid / 1e6) * PRICES.million_stream_reads,
  };
}

function expiry(plan: Plan, { expiryRuns }: IdleHour): number {
  const { memory_size } = plan.at('aws_lambda_function.expire').values as { memory_size: number };
  const runs = expiryRuns * MONTH_HOURS;
  const gigabyteSeconds = runs * (memory_size / 1024) * ESTIMATES.expire_seconds;
  return (runs / 1e6) * PRICES.million_invocations + gigabyteSeconds * PRICES.arm_gigabyte_second;
}

/** What an install without previews costs a month. Pure: the same plan gives the same lines. */
export function idleCost(plan: Plan, { hour, bootstrap }: Idle): Line[] {
  const balancers = plan.of('aws_lb');
  const zones = sum(balancers.map(({ values }) => (values['subnets'] as string[]).length));
  const { tables, stream } = requests(hour);
  const logged = (ESTIMATES.logged_bytes_a_minute * 60 * MONTH_HOURS) / 1e9;
  const repositories = bootstrap.of('aws_ecr_repository').length;
  const dashboards = Math.max(0, plan.of('aws_cloudwatch_dashboard').length - PRICES.free_dashboards);
  const lines: [string, number][] = [
    ['Load balancers', balancers.length * MONTH_HOURS * PRICES.load_balancer_hour],
    ['Their public addresses, one in each zone', zones * MONTH_HOURS * ADDRESS_HOUR],
    ['Tasks of API and controller', taskHour(plan) * MONTH_HOURS],
    ['Their public addresses', publicTasks(plan) * MONTH_HOURS * ADDRESS_HOUR],
    ['Alarms', plan.of('aws_cloudwatch_metric_alarm').length * PRICES.alarm],
    ["Metrics out of the leader's log", plan.of('aws_cloudwatch_log_metric_filter').length * PRICES.metric],
    ['Dashboards beyond three', dashboards * PRICES.dashboard],
    ['DynamoDB: lease, heartbeat, lists, sweeps', tables],
    ['DynamoDB Streams', stream],
    ['lambda/expire, every minute', expiry(plan, hour)],
    ['Logs', logged * PRICES.log_gigabyte],
    ['Images', repositories * ESTIMATES.gigabytes_a_repository * PRICES.image_gigabyte],
  ];
  return lines.map(([item, usd]) => ({ item, cents: cents(usd) }));
}

export function totalOf(lines: readonly Line[]): number {
  return sum(lines.map((line) => line.cents));
}

/** What a NAT gateway costs a month, its address with it: private subnets need one, and Tempus makes none. */
export const NAT_CENTS = cents(MONTH_HOURS * (PRICES.nat_hour + ADDRESS_HOUR));
