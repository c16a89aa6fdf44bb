import type { TargetGroup } from '@aws-sdk/client-elastic-load-balancing-v2';
import { isTargetGroupGone, isTargetGroupInUse, isTargetGroupNameTaken } from '../aws/errors.ts';
import { resourceKey, resourceName } from '../preview/names.ts';
import { done, type Outcome, wait } from './outcome.ts';
import { nameConflict, ownedArns, unproven } from './ownership.ts';
import type { Ensuring, Work } from './pass.ts';

type Observed = TargetGroup & { TargetGroupArn: string; own: boolean };

async function observe(work: Work): Promise<Observed | undefined> {
  try {
    const { TargetGroups } = await work.ports.elbv2.describeTargetGroups({
      Names: [resourceName(work.row.id)],
    });
    const group = TargetGroups?.[0];
    if (!group?.TargetGroupArn) return undefined;
    const own = (await ownedArns([group.TargetGroupArn], work)).has(group.TargetGroupArn);
    return { ...group, TargetGroupArn: group.TargetGroupArn, own };
  } catch (error) {
    if (isTargetGroupGone(error)) return undefined;
    throw error;
  }
}

/** What ModifyTargetGroup can set right; the rest of a target group AWS never lets anybody change. */
const MODIFIABLE = [
  'HealthCheckProtocol',
  'HealthCheckPort',
  'HealthCheckPath',
  'HealthCheckIntervalSeconds',
  'HealthCheckTimeoutSeconds',
  'HealthyThresholdCount',
  'UnhealthyThresholdCount',
] as const;

function differs(observed: Observed, { plan: { targetGroup } }: Ensuring): boolean {
  return (
    observed.Matcher?.HttpCode !== targetGroup.Matcher?.HttpCode ||
    MODIFIABLE.some((field) => observed[field] !== targetGroup[field])
  );
}

async function create(pass: Ensuring): Promise<string | undefined> {
  try {
    const { TargetGroups } = await pass.ports.elbv2.createTargetGroup(pass.plan.targetGroup);
    const arn = TargetGroups?.[0]?.TargetGroupArn;
    // CreateTargetGroup answers an existing one of equal settings as if it had made it, whosever that is.
    if (arn === undefined || !(await ownedArns([arn], pass)).has(arn)) return undefined;
    pass.log.info({ target_group: pass.plan.name }, 'created target group');
    return arn;
  } catch (error) {
    if (isTargetGroupNameTaken(error)) return undefined;
    throw error;
  }
}

export async function ensureTargetGroup(pass: Ensuring): Promise<Outcome> {
  const { plan, ports, config } = pass;
  const observed = await observe(pass);
  if (observed && !observed.own) return nameConflict(`target group ${plan.name}`, pass);
  const TargetGroupArn = observed?.TargetGroupArn ?? (await create(pass));
  // Not seen, yet its name is taken: the read was older than a create, ours or another's. The next pass will see it.
  if (!TargetGroupArn)
    return wait('TargetGroupNotVisible', 'AWS does not show the target group yet', config.poll_ms);
  pass.draft.present(resourceKey('target-group', plan.name));
  pass.targetGroupArn = TargetGroupArn;
  if (observed && differs(observed, pass)) {
    const planned = Object.fromEntries(MODIFIABLE.map((field) => [field, plan.targetGroup[field]]));
    await ports.elbv2.modifyTargetGroup({ TargetGroupArn, ...planned, Matcher: plan.targetGroup.Matcher });
    pass.log.info({ target_group: plan.name }, 'modified target group');
  }
  await ensureAttributes(pass, TargetGroupArn);
  return done;
}

/** The deregistration delay cannot be given at creation, and AWS's default of 300 s would hold up every teardown. */
async function ensureAttributes({ plan, ports, log }: Ensuring, TargetGroupArn: string): Promise<void> {
  const { Attributes = [] } = await ports.elbv2.describeTargetGroupAttributes({ TargetGroupArn });
  const now = new Map(Attributes.map(({ Key, Value }) => [Key, Value]));
  const wrong = Object.entries(plan.targetGroupAttributes).filter(([key, value]) => now.get(key) !== value);
  if (wrong.length === 0) return;
  await ports.elbv2.modifyTargetGroupAttributes({
    TargetGroupArn,
    Attributes: wrong.map(([Key, Value]) => ({ Key, Value })),
  });
  log.info({ target_group: plan.name }, 'modified target group attributes');
}

export async function removeTargetGroup(work: Work): Promise<Outcome | 'absent'> {
  const observed = await observe(work);
  if (!observed) return 'absent';
  const name = resourceName(work.row.id);
  if (!observed.own) return unproven(resourceKey('target-group', name), work);
  work.draft.present(resourceKey('target-group', name));
  try {
    await work.ports.elbv2.deleteTargetGroup({ TargetGroupArn: observed.TargetGroupArn });
  } catch (error) {
    if (!isTargetGroupInUse(error)) throw error;
    return wait('TargetGroupInUse', 'a listener rule still refers to the target group', work.config.poll_ms);
  }
  work.draft.deleted(resourceKey('target-group', name));
  work.log.info({ target_group: name }, 'deleted target group');
  return done;
}
