import type { Distribution } from './distribution.ts';

/**
 * What takes its time on AWS, in milliseconds. AWS documents hardly any of it: where no source is named, the figures are
 * estimates, made so that a small image is Ready 45 s after its creation, and 90 s after it one time in twenty.
 */
export const STAGES = {
  /** One call to a control plane: ECS, Elastic Load Balancing, Scheduler, Logs. */
  call: { p50: 60, p95: 250 },
  /** From a change until one replica of those that answer reads has seen it. ECS documents that it is late, not by how much. */
  visibility: { p50: 200, p95: 3_000, rare: 10_000 },
  /** From CreateService or UpdateService to the first task of the new deployment. */
  first_task: { p50: 3_000, p95: 12_000 },
  /** PROVISIONING: the network interface is attached. About 10 s were measured. */
  network_interface: { p50: 10_000, p95: 20_000 },
  /** PENDING: Fargate pulls the image anew for each task. With the stages before it, 20 to 40 s were measured. */
  image_pull: { p50: 20_000, p95: 40_000 },
  /** Until ECS tries again to place a task for which the account has no room. */
  placement_retry: { p50: 5_000, p95: 15_000 },
  /** From a target's registration to its first health check. */
  first_check: { p50: 6_000, p95: 15_000 },
  /** From a change of a rule until one node of the load balancer goes by it. The load balancer controller retries for 20 s. */
  rule_live: { p50: 2_000, p95: 10_000, rare: 20_000 },
  /** From the last healthy task to the end of the rollout. */
  steady_state: { p50: 5_000, p95: 30_000 },
  /** From a write to its stream record, and to the index. Documented as "near real time". */
  stream_record: { p50: 300, p95: 1_000 },
  index: { p50: 300, p95: 1_000 },
  /** From a change of a task or a deployment to its event. Documented as "near real time". */
  event: { p50: 1_000, p95: 5_000 },
} as const satisfies Record<string, Distribution>;

export type Stage = keyof typeof STAGES;
