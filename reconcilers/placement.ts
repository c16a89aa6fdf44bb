import { lastingWords } from './lasting-words.ts';

interface Cause {
  /** AWS's words: the reasons of SERVICE_TASK_PLACEMENT_FAILURE, and the sentences of a service's events. */
  says: RegExp;
  reason: 'CapacityExhausted' | 'AccessDenied';
  message: string;
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
  },
  {
    says: /not authorized|access ?denied|unable to assume|permission/i,
    reason: 'AccessDenied',
    message: 'AWS lacks a permission to start the task; look at the roles of the install',
  },
];

/** Why ECS has started no task, by the words that it gives for it. */
export function diagnosePlacement(words: string): { reason: string; message: string } {
  const { reason, message } = CAUSES.find(({ says }) => says.test(words)) ?? {
    reason: 'PlacementFailed',
    message: `AWS starts no task: ${lastingWords(words)}`,
  };
  return { reason, message };
}
