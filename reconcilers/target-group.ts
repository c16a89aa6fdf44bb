import type { TargetGroup } from '@aws-sdk/client-elastic-load-balancing-v2';
import { isTargetGroupGone, isTargetGroupInUse, isTargetGroupNameTaken } from '../aws/errors.ts';
import { resourceKey } from '../preview/names.ts';
import { done, type Outcome, wait, waitSoon } from './outcome.ts';
import { nameConflict, ownedArns, unproven } from './ownership.ts';
import type { Ensuring, Removing, Work } from './pass.ts';
import type { EndpointPlan } from './plan-endpoint.ts';

type Observed = TargetGroup & { TargetGroupArn: string };

async function observe(work: Work, name: string): Promise<Observed | undefined> {
  try {
    const { TargetGroups } = await work.ports.elbv2.describeTargetGroups({ Names: [name] });
    const group = TargetGroups?.[0];
    return group?.TargetGroupArn ? { ...group, TargetGroupArn: group.TargetGroupArn } : undefined;
  } catch (error) {
    if (isTargetGroupGone(error)) return undefined;
    throw error;
  }
}

/** Whether its tags prove it ours; undefined where a read does not know the group, not yet or not any more. */
async function proveOwn(work: Work, arn: string): Promise<boolean | undefined> {
  try {
    return (await ownedArns([arn], work)).has(arn);
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

function differs(observed: Observed, { targetGroup }: EndpointPlan): boolean {
  return (
    observed.Matcher?.HttpCode !== targetGroup.Matcher?.HttpCode ||
    MODIFIABLE.some((field) => observed[field] !== targetGroup[field])
  );
}

/** The ARN, or undefined where it is not proven yet that the group is ours. */
async function create(pass: Ensuring, { targetGroup }: EndpointPlan): Promise<string | undefined> {
  try {
    const { TargetGroups } = await pass.ports.elbv2.createTargetGroup(targetGroup);
    const arn = TargetGroups?.[0]?.TargetGroupArn;
    // CreateTargetGroup answers an existing one of equal settings as if it had made it, whosever that is.
    if (arn === undefined || !(await proveOwn(pass, arn))) return undefined;
    pass.log.info({ target_group: targetGroup.Name }, 'created target group');
    return arn;
  } catch (error) {
    if (isTargetGroupNameTaken(error)) return undefined;
    throw error;
  }
}

/** One behind each address of the preview. */
export async function ensureTargetGroups(pass: Ensuring): Promise<Outcome> {
  const arns = new Map<string, string>();
  for (const endpoint of pass.plan.endpoints) {
    const ensured = await ensureOne(pass, endpoint);
    if (typeof ensured !== 'string') return ensured;
    arns.set(endpoint.suffix, ensured);
  }
  pass.targetGroups = arns;
  return done;
}

/** The ARN of the group, or what it has to wait for. */
async function ensureOne(pass: Ensuring, endpoint: EndpointPlan): Promise<string | Outcome> {
  const { ports, config } = pass;
  const { targetGroup } = endpoint;
  const notVisible = () =>
    waitSoon('TargetGroupNotVisible', 'AWS does not show the target group yet', config.poll_ms);
  const observed = await observe(pass, targetGroup.Name);
  const known = observed && (await lookCloser(pass, observed.TargetGroupArn));
  // The reads are older than a create, this one's or another's. The next pass will see it.
  if (known && known.own === undefined) return notVisible();
  if (known && !known.own) return nameConflict(`target group ${targetGroup.Name}`, pass);
  const TargetGroupArn = observed?.TargetGroupArn ?? (await create(pass, endpoint));
  if (!TargetGroupArn) return notVisible();
  pass.draft.present(resourceKey('target-group', targetGroup.Name));
  if (observed && differs(observed, endpoint)) {
    const planned = Object.fromEntries(MODIFIABLE.map((field) => [field, targetGroup[field]]));
    await ports.elbv2.modifyTargetGroup({ TargetGroupArn, ...planned, Matcher: targetGroup.Matcher });
    pass.log.info({ target_group: targetGroup.Name }, 'modified target group');
  }
  await ensureAttributes(pass, TargetGroupArn, known?.attributes);
  return TargetGroupArn;
}

type Attributes = ReadonlyMap<string | undefined, string | undefined>;

/**
 * What two more calls tell of a group that stands, asked at one time; `own` is undefined where one of them does not know the
 * group. Both have ended when this has, also where one fails: nothing of a pass may go on after it.
 */
async function lookCloser(
  pass: Ensuring,
  arn: string,
): Promise<{ own: boolean | undefined; attributes: Attributes }> {
  const [own, attributes] = await Promise.allSettled([ownedArns([arn], pass), attributesOf(pass, arn)]);
  const failed = [own, attributes].find(({ status }) => status === 'rejected');
  if (own.status === 'fulfilled' && attributes.status === 'fulfilled')
    return { own: own.value.has(arn), attributes: attributes.value };
  const { reason } = failed as PromiseRejectedResult;
  // What has served before is not new: then it is a passing fault, and no reason to call the preview less than Ready.
  if (!isTargetGroupGone(reason) || pass.draft.status.ready_at !== undefined) throw reason;
  return { own: undefined, attributes: new Map() };
}

async function attributesOf({ ports }: Work, TargetGroupArn: string): Promise<Attributes> {
  const { Attributes = [] } = await ports.elbv2.describeTargetGroupAttributes({ TargetGroupArn });
  return new Map(Attributes.map(({ Key, Value }) => [Key, Value]));
}

/**
 * The deregistration delay cannot be given at creation, and AWS's default of 300 s would hold up every teardown. A group
 * that has just been made has AWS's defaults: a read may not know it yet.
 */
async function ensureAttributes(
  { plan, ports, log }: Ensuring,
  TargetGroupArn: string,
  now: Attributes = new Map(),
): Promise<void> {
  const wrong = Object.entries(plan.targetGroupAttributes).filter(([key, value]) => now.get(key) !== value);
  if (wrong.length === 0) return;
  await ports.elbv2.modifyTargetGroupAttributes({
    TargetGroupArn,
    Attributes: wrong.map(([Key, Value]) => ({ Key, Value })),
  });
  log.info({ target_group: TargetGroupArn }, 'modified target group attributes');
}

/** Every group of the preview that the work knows of; the first that has to wait speaks for all. */
export async function removeTargetGroups(work: Removing): Promise<Outcome | 'absent'> {
  let outcome: Outcome | 'absent' = 'absent';
  for (const name of work.targetGroupNames) {
    const removed = await removeTargetGroup(work, name);
    if (removed !== 'absent' && (outcome === 'absent' || outcome.kind === 'done')) outcome = removed;
  }
  return outcome;
}

export async function removeTargetGroup(work: Work, name: string): Promise<Outcome | 'absent'> {
  const observed = await observe(work, name);
  const own = observed && (await proveOwn(work, observed.TargetGroupArn));
  if (!observed || own === undefined) return 'absent';
  if (!own) return unproven(resourceKey('target-group', name), work);
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
