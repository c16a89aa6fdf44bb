import type {
  DescribeAccountLimitsCommandInput,
  DescribeAccountLimitsCommandOutput,
  Limit,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { invalid } from './errors.ts';
import { LIMITS } from './state.ts';

/** The limits that this model holds to, under AWS's names for them. */
const ACCOUNT_LIMITS: readonly Limit[] = [
  { Name: 'target-groups', Max: String(LIMITS.targetGroupsOfRegion) },
  { Name: 'targets-per-application-load-balancer', Max: String(LIMITS.targets) },
  { Name: 'listeners-per-application-load-balancer', Max: String(LIMITS.listeners) },
  { Name: 'rules-per-application-load-balancer', Max: String(LIMITS.rules) },
  { Name: 'target-groups-per-application-load-balancer', Max: String(LIMITS.targetGroups) },
  { Name: 'targets-per-target-group', Max: String(LIMITS.targetsOfGroup) },
];

const MAX_PAGE = 400;

/** What the account may have of each thing: always one page. */
export function describeAccountLimits({
  PageSize = MAX_PAGE,
  Marker,
}: DescribeAccountLimitsCommandInput): Omit<DescribeAccountLimitsCommandOutput, '$metadata'> {
  if (Marker !== undefined) throw invalid(`Invalid marker '${Marker}'`);
  if (PageSize < 1 || PageSize > MAX_PAGE) throw invalid(`PageSize must be between 1 and ${MAX_PAGE}`);
  return { Limits: [...ACCOUNT_LIMITS] };
}
