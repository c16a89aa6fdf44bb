import type { Service } from '@aws-sdk/client-ecs';
import type { TargetHealthDescription } from '@aws-sdk/client-elastic-load-balancing-v2';
import { findCondition } from '../preview/conditions.ts';
import { logStreamPrefix } from '../preview/names.ts';
import { isMark, markedAt } from '../preview/observation.ts';
import { previewUrls } from '../preview/urls.ts';
import type { ReconcilerConfig } from './config.ts';
import { type Diagnosis, diagnose, type EndpointTargets, taskIdOf } from './diagnosis.ts';
import { done, type Outcome, wait, waitSoon } from './outcome.ts';
import type { Ensuring } from './pass.ts';
import type { EndpointPlan } from './plan-endpoint.ts';
import { isPreviewAnswer } from './probe.ts';

const LAST_LINES = 20;
const URL_NOT_READY = 'UrlNotReady';
/** What AWS shows lags behind what its own events say, rarely for longer. */
const READS_LAG_MS = 10_000;
/** An event comes within minutes or not at all. A leader that is new would else take each old mark for news. */
const OLD_NEWS_MS = 600_000;

/** The rollout is COMPLETED and each address has a healthy target: ECS counts a task only when all of its targets are. */
export async function ensureRollout(pass: Ensuring): Promise<Outcome> {
  const { service, config, plan } = pass;
  if (!service) throw new Error('the service step has not run');
  const deployment = service.deployments?.find(({ status }) => status === 'PRIMARY');
  const completed = deployment?.rolloutState === 'COMPLETED' && (service.runningCount ?? 0) >= 1;
  const targets: EndpointTargets[] = [];
  for (const endpoint of plan.endpoints)
    targets.push({ endpoint, targets: await describeTargets(pass, endpoint) });
  if (completed && targets.every(isHealthy)) return done;
  const diagnosis = await examine(pass, service, targets);
  if (deployment?.rolloutState === 'FAILED' && deployment.taskDefinition === pass.taskDefinitionArn) {
    return reject(
      pass,
      diagnosis ?? { reason: 'RolloutFailed', message: deployment.rolloutStateReason ?? '' },
    );
  }
  const { reason, message } = diagnosis ?? { reason: 'RolloutInProgress', message: 'the task is starting' };
  // Only a rollout's own end is told by an event: the health of a target afterwards is not.
  if (deployment?.rolloutState !== 'IN_PROGRESS') return wait(reason, message, config.poll_ms);
  const lagLeft = lagLeftMs(pass);
  return lagLeft > 0
    ? waitSoon(reason, message, Math.min(lagLeft, config.rollout_poll_ms))
    : wait(reason, message, config.rollout_poll_ms);
}

/**
 * A look that an event has called for may come before AWS shows what the event is about: for how long yet. Counted from
 * when this leader has heard of it, since an event itself may come late.
 */
export function lagLeftMs({ row, waits, clock }: Pick<Ensuring, 'row' | 'waits' | 'clock'>): number {
  const happened = markedAt(row.observed_event);
  if (!isMark(row.observed_event) || happened === undefined) return 0;
  if (clock.now().getTime() - happened > OLD_NEWS_MS) return 0;
  return (
    waits.heardAt(row.preview_id, row.observed_event, clock.monotonic()) + READS_LAG_MS - clock.monotonic()
  );
}

function isHealthy({ targets }: EndpointTargets): boolean {
  return targets.some(({ TargetHealth }) => TargetHealth?.State === 'healthy');
}

/** The preview itself, not the load balancer in its place, answers under each of its own public URLs. */
export async function ensureAnswer(pass: Ensuring): Promise<Outcome> {
  const { probe: ask, plan, config } = pass;
  // Not asked twice in a pass: another node of the load balancer may not know the rule yet.
  if (config.probe === 'target' || pass.answers) return done;
  const urls = plan.endpoints.flatMap(({ suffix, health_path }) =>
    // Where its author says that it answers: an app may leave every other path without an answer.
    previewUrls(plan.id, plan.alb, [suffix]).map((url) => `${url}${health_path.slice(1)}`),
  );
  for (const url of urls) {
    try {
      const answer = await ask(url, plan.alb.probe_address);
      if (isPreviewAnswer(answer)) continue;
      return noAnswer(`${answer.server} answers ${answer.status} in place of the preview`, config);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return noAnswer(`the preview's URL does not answer: ${why}`, config);
    }
  }
  return done;
}

function noAnswer(message: string, { poll_ms }: ReconcilerConfig): Outcome {
  return waitSoon(URL_NOT_READY, message, poll_ms, 'cheap');
}

/**
 * Asks nothing but the address, where a whole pass has found a moment ago that only its answer is missing, and answers with
 * what that has to wait for. Undefined where it answers, and where a whole pass is due: what is Ready a whole pass has seen.
 */
export async function stillNoAnswer(pass: Ensuring): Promise<Outcome | undefined> {
  const { row, config, clock, waits } = pass;
  const said = findCondition(row.status.conditions, 'Ready')?.reason === URL_NOT_READY;
  if (!said || !waits.isFresh(row.preview_id, URL_NOT_READY, clock.monotonic(), config.poll_ms))
    return undefined;
  const outcome = await ensureAnswer(pass);
  pass.answers = outcome.kind === 'done';
  return pass.answers ? undefined : outcome;
}

async function describeTargets(
  { ports, targetGroups }: Ensuring,
  { suffix }: EndpointPlan,
): Promise<TargetHealthDescription[]> {
  const TargetGroupArn = targetGroups?.get(suffix);
  const { TargetHealthDescriptions } = await ports.elbv2.describeTargetHealth({ TargetGroupArn });
  return TargetHealthDescriptions ?? [];
}

async function examine(
  { ports, config, plan }: Ensuring,
  service: Service,
  endpoints: EndpointTargets[],
): Promise<Diagnosis | undefined> {
  const stopped = { cluster: config.cluster, serviceName: plan.name, desiredStatus: 'STOPPED' as const };
  const { taskArns = [] } = await ports.ecs.listTasks(stopped);
  const { tasks = [] } =
    taskArns.length === 0
      ? {}
      : await ports.ecs.describeTasks({ cluster: config.cluster, tasks: taskArns.slice(0, 100) });
  // Only what this revision did: an earlier one was stopped by its update and explains nothing.
  const ofRevision = tasks.filter(({ taskDefinitionArn }) => taskDefinitionArn === service.taskDefinition);
  return diagnose({ service, arch: plan.arch, stopped: ofRevision, endpoints });
}

async function reject(pass: Ensuring, { reason, message, ...where }: Diagnosis): Promise<Outcome> {
  return { kind: 'rejected', reason, message, logs: await lastWords(pass, where) };
}

/** The lines of a task that has just ended may not be there yet: those of one that ended before it say the same. */
async function lastWords(pass: Ensuring, where: Omit<Diagnosis, 'reason' | 'message'>): Promise<string[]> {
  for (const taskId of [where.taskId, ...(where.earlier ?? [])]) {
    const lines = await lastLines(pass, { ...where, ...(taskId === undefined ? {} : { taskId }) });
    if (lines.length > 0) return lines;
  }
  return [];
}

/** What the preview itself said last: the container and the task that failed, else the public one of the newest. */
export async function lastLines(
  { ports, config, plan, log }: Ensuring,
  { taskId, container = plan.endpoints[0]?.container }: Pick<Diagnosis, 'taskId' | 'container'> = {},
): Promise<string[]> {
  const prefix = logStreamPrefix(plan.id);
  try {
    const id = taskId ?? (await newestTask({ ports, config, plan }));
    if (!id) return [];
    const { events = [] } = await ports.logs.getLogEvents({
      logGroupName: config.log_group,
      logStreamName: `${prefix}${container}/${id}`,
      limit: LAST_LINES,
      startFromHead: false,
    });
    return events.map(({ message = '' }) => message);
  } catch (error) {
    // The lines explain a failure; their absence (a task that wrote nothing has no stream) must not hide it.
    log.warn({ err: error }, 'could not read the last log lines');
    return [];
  }
}

async function newestTask({ ports, config, plan }: Pick<Ensuring, 'ports' | 'config' | 'plan'>) {
  const { taskArns = [] } = await ports.ecs.listTasks({ cluster: config.cluster, serviceName: plan.name });
  return taskArns[0] ? taskIdOf({ taskArn: taskArns[0] }) : undefined;
}
