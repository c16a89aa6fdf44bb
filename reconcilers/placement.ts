import { lastingWords } from './lasting-words.ts';

interface Cause {
  /** AWS's words: the reasons of SERVICE_TASK_PLACEMENT_FAILURE, and the sentences of a service's events. */
  says: RegExp;
  reason: 'CapacityExhausted' | 'AccessDenied';
  message: string;
  /** The same for a task on Spot, where there is another way out. */
  onSpot?: string;
}

/** The first that fits. */
const CAUSES: readonly Cause[] = [
  {
    says: /RESOURCE:ENI|free (ip )?addresses|network interface/i,
    reason: 'CapacityExhausted',
    message:
      'the subnets have no free address, or the account has no network interface left, for one more task',
  },
  {
    says: /limit on the number of (vCPUs|tasks)/i,
    reason: 'CapacityExhausted',
    message: "the account's quota of Fargate vCPUs is used up; delete a preview, or ask AWS for more",
    onSpot:
      "the account's quota of Fargate Spot vCPUs is used up; delete a preview, ask AWS for more, or set capacity to on_demand",
  },
  {
    says: /rate exceeded|throttl/i,
    reason: 'CapacityExhausted',
    message: 'AWS limits how fast this account starts tasks; the next try comes by itself',
  },
  {
    says: /RESOURCE:|capacity is .*unavailable|no capacity|insufficient capacity/i,
    reason: 'CapacityExhausted',
    message: 'AWS has no capacity for the task at the moment',
    onSpot:
      'AWS has no Spot capacity for the task at the moment; it starts when there is some, or at once with capacity on_demand',
  },
  {
    says: /not authorized|access ?denied|unable to assume|permission/i,
    reason: 'AccessDenied',
    message: 'AWS lacks a permission to start the task; look at the roles of the install',
  },
];

/** Why ECS has started no task, by the words that it gives for it. */
export function diagnosePlacement(words: string, spot = false): { reason: string; message: string } {
  const cause = CAUSES.find(({ says }) => says.test(words));
  if (!cause) return { reason: 'PlacementFailed', message: `AWS starts no task: ${lastingWords(words)}` };
  const { reason, message, onSpot = message } = cause;
  return { reason, message: spot ? onSpot : message };
}
