import {
  DuplicateListenerException,
  DuplicateLoadBalancerNameException,
  DuplicateTagKeysException,
  DuplicateTargetGroupNameException,
  ElasticLoadBalancingV2ServiceException,
  InvalidConfigurationRequestException,
  ListenerNotFoundException,
  LoadBalancerNotFoundException,
  OperationNotPermittedException,
  PriorityInUseException,
  ResourceInUseException,
  RuleNotFoundException,
  TargetGroupAssociationLimitException,
  TargetGroupNotFoundException,
  TooManyListenersException,
  TooManyRulesException,
  TooManyTagsException,
  TooManyTargetGroupsException,
  TooManyTargetsException,
  TooManyUniqueTargetGroupsPerLoadBalancerException,
} from '@aws-sdk/client-elastic-load-balancing-v2';

const $metadata = {};

/** AWS's own code for a request that is malformed as such; the SDK has no class for it. */
export function invalid(message: string): ElasticLoadBalancingV2ServiceException {
  return new ElasticLoadBalancingV2ServiceException({
    name: 'ValidationError',
    $fault: 'client',
    $metadata,
    message,
  });
}

export function misconfigured(message: string): InvalidConfigurationRequestException {
  return new InvalidConfigurationRequestException({ $metadata, message });
}

export function loadBalancerNotFound(): LoadBalancerNotFoundException {
  return new LoadBalancerNotFoundException({ $metadata, message: 'One or more load balancers not found' });
}

export function listenerNotFound(): ListenerNotFoundException {
  return new ListenerNotFoundException({ $metadata, message: 'One or more listeners not found' });
}

export function targetGroupNotFound(): TargetGroupNotFoundException {
  return new TargetGroupNotFoundException({ $metadata, message: 'One or more target groups not found' });
}

export function ruleNotFound(): RuleNotFoundException {
  return new RuleNotFoundException({ $metadata, message: 'One or more rules not found' });
}

export function duplicateLoadBalancer(name: string): DuplicateLoadBalancerNameException {
  const message = `A load balancer with the same name '${name}' exists, but with different settings`;
  return new DuplicateLoadBalancerNameException({ $metadata, message });
}

export function duplicateListener(port: number): DuplicateListenerException {
  return new DuplicateListenerException({ $metadata, message: `A listener already exists on port ${port}` });
}

export function duplicateTargetGroup(name: string): DuplicateTargetGroupNameException {
  const message = `A target group with the same name '${name}' exists, but with different settings`;
  return new DuplicateTargetGroupNameException({ $metadata, message });
}

export function priorityInUse(priority: number): PriorityInUseException {
  return new PriorityInUseException({ $metadata, message: `Priority '${priority}' is currently in use` });
}

export function inUse(what: string): ResourceInUseException {
  return new ResourceInUseException({
    $metadata,
    message: `${what} is currently in use by a listener or a rule`,
  });
}

export function notPermitted(message: string): OperationNotPermittedException {
  return new OperationNotPermittedException({ $metadata, message });
}

export function tooManyRules(): TooManyRulesException {
  const message = 'The maximum number of rules per load balancer has been reached';
  return new TooManyRulesException({ $metadata, message });
}

export function tooManyListeners(): TooManyListenersException {
  const message = 'The maximum number of listeners per load balancer has been reached';
  return new TooManyListenersException({ $metadata, message });
}

export function tooManyTargets(where: 'load balancer' | 'target group'): TooManyTargetsException {
  const message = `The maximum number of targets per ${where} has been reached`;
  return new TooManyTargetsException({ $metadata, message });
}

export function tooManyTargetGroupsOfRegion(): TooManyTargetGroupsException {
  const message = 'The maximum number of target groups has been reached';
  return new TooManyTargetGroupsException({ $metadata, message });
}

export function tooManyTargetGroups(): TooManyUniqueTargetGroupsPerLoadBalancerException {
  const message = 'The maximum number of unique target groups per load balancer has been reached';
  return new TooManyUniqueTargetGroupsPerLoadBalancerException({ $metadata, message });
}

export function duplicateTag(key: string): DuplicateTagKeysException {
  return new DuplicateTagKeysException({ $metadata, message: `The tag key '${key}' is given twice` });
}

export function tooManyTags(): TooManyTagsException {
  return new TooManyTagsException({ $metadata, message: 'A resource may have at most 50 tags' });
}

export function oneLoadBalancer(): TargetGroupAssociationLimitException {
  const message = 'A target group can be associated with at most one load balancer';
  return new TargetGroupAssociationLimitException({ $metadata, message });
}
