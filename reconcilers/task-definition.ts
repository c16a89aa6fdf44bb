import type { EcsPort } from '../aws/ports.ts';
import { isTaskDefinitionGone } from '../aws/errors.ts';
import { resourceKey, resourceName } from '../preview/names.ts';
import { done, type Outcome, wait } from './outcome.ts';
import { nameConflict, ownsEcs } from './ownership.ts';
import type { Ensuring, StandingRevision, Work } from './pass.ts';
import { SPEC_TAG } from './plan-task.ts';

/** DeleteTaskDefinitions takes at most this many. */
const DELETED_A_CALL = 10;

/** A revision, or the latest ACTIVE one of a family. */
async function observe(work: Work, taskDefinition: string): Promise<StandingRevision | undefined> {
  try {
    const answer = await work.ports.ecs.describeTaskDefinition({ taskDefinition, include: ['TAGS'] });
    const arn = answer.taskDefinition?.taskDefinitionArn;
    if (!arn) return undefined;
    const specHash = answer.tags?.find(({ key }) => key === SPEC_TAG)?.value;
    return { arn, own: ownsEcs(answer.tags, work), specHash };
  } catch (error) {
    if (isTaskDefinitionGone(error)) return undefined;
    throw error;
  }
}

/** The latest revision that is ours: a hand may have registered one of its own in our family. Else whatever is there. */
async function observeLatest(work: Work): Promise<StandingRevision | undefined> {
  const family = resourceName(work.row.id);
  const latest = await observe(work, family);
  if (!latest || latest.own) return latest;
  const others = await listRevisions(work.ports.ecs, family, 'ACTIVE');
  for (const arn of others.toReversed()) {
    const revision = arn === latest.arn ? undefined : await observe(work, arn);
    if (revision?.own) return revision;
  }
  return latest;
}

/** Looks which revision stands, for ensureTaskDefinition. */
export async function lookAtTaskDefinition(pass: Ensuring): Promise<Outcome> {
  pass.standingRevision = { seen: await observeLatest(pass) };
  return done;
}

/** RegisterTaskDefinition makes a new revision each time: the tag tells whether the latest one already runs this spec. */
export async function ensureTaskDefinition(pass: Ensuring): Promise<Outcome> {
  const { plan, ports, draft, log, clock, recent } = pass;
  if (!pass.standingRevision) throw new Error('nobody has looked at the task definition');
  const { seen: observed } = pass.standingRevision;
  if (observed && !observed.own) return nameConflict(`task definition ${plan.name}`, pass);
  let arn =
    observed?.specHash === plan.specHash
      ? observed.arn
      : recent.find(plan.uid, 'revision', plan.taskDefinition, clock.monotonic());
  if (!arn) {
    const { taskDefinition } = await ports.ecs.registerTaskDefinition(plan.taskDefinition);
    arn = taskDefinition?.taskDefinitionArn;
    if (!arn) throw new Error('RegisterTaskDefinition answered without an ARN');
    recent.note(plan.uid, 'revision', plan.taskDefinition, arn, clock.monotonic());
    log.info({ task_definition: arn }, 'registered task definition');
  }
  draft.present(resourceKey('task-definition', plan.name));
  pass.taskDefinitionArn = arn;
  return done;
}

async function listRevisions(ecs: EcsPort, family: string, status: 'ACTIVE' | 'INACTIVE'): Promise<string[]> {
  const arns: string[] = [];
  let nextToken: string | undefined;
  do {
    const page = await ecs.listTaskDefinitions({
      familyPrefix: family,
      status,
      ...(nextToken ? { nextToken } : {}),
    });
    arns.push(...(page.taskDefinitionArns ?? []));
    nextToken = page.nextToken;
  } while (nextToken);
  return arns;
}

/** Deregisters every revision and has AWS delete it. Being deleted counts as absent: AWS finishes it by itself. */
export async function removeTaskDefinitions(work: Work): Promise<Outcome | 'absent'> {
  const { ecs } = work.ports;
  const family = resourceName(work.row.id);
  const active = await owned(work, await listRevisions(ecs, family, 'ACTIVE'));
  for (const taskDefinition of active) await ecs.deregisterTaskDefinition({ taskDefinition });
  const inactive = await owned(work, await listRevisions(ecs, family, 'INACTIVE'));
  for (let at = 0; at < inactive.length; at += DELETED_A_CALL) {
    await ecs.deleteTaskDefinitions({ taskDefinitions: inactive.slice(at, at + DELETED_A_CALL) });
  }
  if (active.length === 0 && inactive.length === 0) return 'absent';
  work.draft.deleted(resourceKey('task-definition', family));
  work.log.info({ family, revisions: inactive.length }, 'deleted task definitions');
  // A list that does not show yet what was just deregistered is no proof; the next pass looks again.
  return inactive.length < active.length
    ? wait('TaskDefinitionsActive', 'AWS still lists revisions as active', work.config.poll_ms)
    : done;
}

async function owned(work: Work, arns: string[]): Promise<string[]> {
  const own: string[] = [];
  for (const arn of arns) if ((await observe(work, arn))?.own) own.push(arn);
  return own;
}
