import { ResourceNotFoundException as TableNotFoundException } from '@aws-sdk/client-dynamodb';
import {
  ClientException,
  ClusterNotFoundException,
  InvalidParameterException,
  ServiceNotActiveException,
  ServiceNotFoundException,
} from '@aws-sdk/client-ecs';
import {
  DuplicateTargetGroupNameException,
  ListenerNotFoundException,
  PriorityInUseException,
  ResourceInUseException,
  RuleNotFoundException,
  TargetGroupNotFoundException,
  TooManyRulesException,
  TooManyTargetGroupsException,
  TooManyUniqueTargetGroupsPerLoadBalancerException,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { ConflictException, ResourceNotFoundException } from '@aws-sdk/client-scheduler';

/**
 * What a failed call means for the one who made it. The union is closed: whoever switches on it is checked for
 * completeness.
 *
 * - conflict: somebody else wrote first; look again now
 * - throttle: AWS asks for patience
 * - transient: no answer, or a fault on AWS's side
 * - capacity: a quota or a limit is reached
 * - denied: a permission is missing
 * - invalid: AWS refuses the request as such; repeating it unchanged cannot help
 */
export const FAULT_KINDS = ['conflict', 'throttle', 'transient', 'capacity', 'denied', 'invalid'] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface Fault {
  kind: FaultKind;
  /** CamelCase and stable, fit for a condition. */
  reason: string;
  /** For people; holds no ids and no times that change from try to try. */
  message: string;
}

/** A call was not made: those before it in the queue of its bucket took too long. It says what a throttle would. */
export class GateBusyError extends Error {
  override name = 'GateBusyError';

  constructor(buckets: readonly string[]) {
    super(`more calls wait for their turn than AWS takes in a minute (${buckets.join(', ')})`);
  }
}

const THROTTLES = new Set([
  'GateBusyError',
  'ThrottlingException',
  'Throttling',
  'RequestLimitExceeded',
  'TooManyRequestsException',
  'ProvisionedThroughputExceededException',
]);
const DENIALS = new Set([
  'AccessDeniedException',
  'AccessDenied',
  'UnauthorizedOperation',
  'UnrecognizedClientException',
  'ExpiredTokenException',
  'InvalidClientTokenId',
]);

interface SdkError extends Error {
  $metadata?: { httpStatusCode?: number };
  $fault?: 'client' | 'server';
}

/** Classifies whatever a call threw. An error that is not AWS's own is transient: it says nothing about the request. */
export function classify(error: unknown): Fault {
  if (!(error instanceof Error)) return { kind: 'transient', reason: 'Unknown', message: String(error) };
  const { name, message, $metadata, $fault } = error as SdkError;
  const fault = (kind: FaultKind, reason: string): Fault => ({ kind, reason, message });
  if (THROTTLES.has(name) || $metadata?.httpStatusCode === 429) return fault('throttle', 'Throttled');
  if (DENIALS.has(name) || $metadata?.httpStatusCode === 403) return fault('denied', 'AccessDenied');
  if (isCapacity(error)) return fault('capacity', 'CapacityExhausted');
  if (isPriorityTaken(error) || error instanceof ConflictException) return fault('conflict', 'Conflict');
  if (isNotVisible(error)) return fault('transient', 'NotVisible');
  if ($fault === 'client' && ($metadata?.httpStatusCode ?? 400) < 500) {
    return fault('invalid', name.replace(/Exception$/, ''));
  }
  return fault('transient', 'AwsUnavailable');
}

/**
 * What was there a moment ago is not, or not yet: AWS's reads are eventually consistent, and a hand may have been faster.
 * It says nothing about the request; the next pass looks again and makes what is missing.
 */
function isNotVisible(error: Error): boolean {
  return (
    isTargetGroupGone(error) ||
    isRuleGone(error) ||
    isServiceGone(error) ||
    isTaskDefinitionGone(error) ||
    (error instanceof InvalidParameterException && /target group does not exist/i.test(error.message))
  );
}

function isCapacity(error: Error): boolean {
  return (
    error instanceof TooManyRulesException ||
    error instanceof TooManyTargetGroupsException ||
    error instanceof TooManyUniqueTargetGroupsPerLoadBalancerException ||
    error.name === 'LimitExceededException' ||
    error.name === 'ServiceQuotaExceededException'
  );
}

/** The service is not there, or is on its way out: for a delete that is success. */
export function isServiceGone(error: unknown): boolean {
  return error instanceof ServiceNotFoundException || error instanceof ServiceNotActiveException;
}

/** The whole cluster is gone, and every service with it. */
export function isClusterGone(error: unknown): boolean {
  return error instanceof ClusterNotFoundException;
}

/** The name is still held by a service that drains. ECS has no class of its own for it. */
export function isDraining(error: unknown): boolean {
  return error instanceof InvalidParameterException && error.message.includes('still Draining');
}

/** The rule that makes a target group usable is not yet visible to ECS. */
export function isNotBehindRule(error: unknown): boolean {
  return (
    error instanceof InvalidParameterException &&
    error.message.includes('does not have an associated load balancer')
  );
}

/** A service of that name exists with other parameters: ours, seen too late, or a stranger's. */
export function isNotIdempotent(error: unknown): boolean {
  return error instanceof InvalidParameterException && error.message.includes('not idempotent');
}

/** ECS answers an unknown family or revision, and one that was deregistered, with its catch-all ClientException. */
export function isTaskDefinitionGone(error: unknown): boolean {
  return (
    error instanceof ClientException &&
    /unable to (describe|find)|does not exist|not found|is inactive/i.test(error.message)
  );
}

export function isTargetGroupGone(error: unknown): boolean {
  return error instanceof TargetGroupNotFoundException;
}

/** A rule still refers to the target group; after DeleteRule this lags by seconds. */
export function isTargetGroupInUse(error: unknown): boolean {
  return error instanceof ResourceInUseException;
}

export function isTargetGroupNameTaken(error: unknown): boolean {
  return error instanceof DuplicateTargetGroupNameException;
}

export function isRuleGone(error: unknown): boolean {
  return error instanceof RuleNotFoundException;
}

/** One of the resources whose tags were asked for is gone; AWS then answers for none of them. */
export function isTaggedGone(error: unknown): boolean {
  return isTargetGroupGone(error) || isRuleGone(error) || isListenerGone(error);
}

/** The whole listener is gone, and every rule with it. */
export function isListenerGone(error: unknown): boolean {
  return error instanceof ListenerNotFoundException;
}

export function isPriorityTaken(error: unknown): boolean {
  return error instanceof PriorityInUseException;
}

export function isScheduleNameTaken(error: unknown): boolean {
  return error instanceof ConflictException;
}

export function isTableGone(error: unknown): boolean {
  return error instanceof TableNotFoundException;
}

/** Service Quotas has no such quota for this account, and leaves it at AWS's default. Matched by name: no other part needs its client. */
export function isQuotaUnknown(error: unknown): boolean {
  return error instanceof Error && error.name === 'NoSuchResourceException';
}

export function isScheduleGone(error: unknown): boolean {
  return error instanceof ResourceNotFoundException;
}

/**
 * Why AWS does not know who asks, in the words of its common errors ("Common error types", IAM user guide) and of the
 * SDK's provider chain; undefined when it is about something else.
 *
 * - none: no credentials were found anywhere
 * - expired: they were good once
 * - unknown: AWS has no such key, or its secret is another one
 * - clock: the signature is of another time than AWS's, by more than five minutes
 */
export type CredentialFault = 'none' | 'expired' | 'unknown' | 'clock';

export function credentialFault(error: unknown): CredentialFault | undefined {
  if (!(error instanceof Error)) return undefined;
  const { name, message } = error;
  switch (name) {
    case 'CredentialsProviderError':
    case 'TokenProviderError':
      return /expired/i.test(message) ? 'expired' : 'none';
    case 'ExpiredTokenException':
    case 'ExpiredToken':
    case 'RequestExpired':
      return 'expired';
    case 'InvalidClientTokenId':
    case 'UnrecognizedClientException':
    case 'IncompleteSignature':
      return 'unknown';
    case 'SignatureDoesNotMatch':
    case 'InvalidSignatureException':
      return /expired|not yet current/i.test(message) ? 'clock' : 'unknown';
    default:
      return undefined;
  }
}
