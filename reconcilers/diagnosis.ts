import type { Container, Service, ServiceEvent, Task } from '@aws-sdk/client-ecs';
import type { TargetHealthDescription } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Endpoint } from '../preview/endpoints.ts';
import type { Arch } from '../preview/spec-fields.ts';
import { lastingWords } from './lasting-words.ts';
import { diagnosePlacement } from './placement.ts';

/** Why a preview does not serve: a stable reason, a sentence for people, and the task that tells most. */
export interface Diagnosis {
  reason: string;
  message: string;
  taskId?: string;
  /** Tasks of the same revision that ended before it, the last of them first. */
  earlier?: readonly string[];
  /** Whose last words tell most. */
  container?: string;
}

type Why = Pick<Diagnosis, 'reason' | 'message'>;

export interface EndpointTargets {
  endpoint: Pick<Endpoint, 'container' | 'port' | 'health_path'>;
  targets: readonly TargetHealthDescription[];
}

export interface Evidence {
  service: Service;
  /** What the task's containers run on. */
  arch: Arch;
  stopped: readonly Task[];
  /** What each of the preview's addresses should lead to, and what the load balancer sees there. */
  endpoints: readonly EndpointTargets[];
}

/**
 * Reads AWS's own words: stopped reasons first, for they say what happened; then what the load balancer sees; then the
 * service's events. Prefixes are those of the ECS developer guide, stopped-task-error-codes.
 */
export function diagnose(evidence: Evidence): Diagnosis | undefined {
  const [last, ...before] = evidence.stopped.toSorted(
    (a, b) => (b.stoppedAt?.getTime() ?? 0) - (a.stoppedAt?.getTime() ?? 0),
  );
  const ofTask = last && diagnoseTask(last, evidence);
  if (ofTask) return before.length > 0 ? { ...ofTask, earlier: before.map(taskIdOf) } : ofTask;
  return diagnoseTargets(evidence) ?? diagnoseEvents(evidence);
}

export function taskIdOf(task: Task): string {
  return task.taskArn?.split('/').at(-1) ?? '';
}

function diagnoseTask(task: Task, evidence: Evidence): Diagnosis | undefined {
  const reason = task.stoppedReason ?? '';
  const container = culpritOf(task);
  const several = (task.containers?.length ?? 0) > 1;
  const found = (why: Why, { name } = container): Diagnosis => ({
    reason: why.reason,
    message: several && name !== undefined ? `container ${name}: ${why.message}` : why.message,
    taskId: taskIdOf(task),
    ...(name === undefined ? {} : { container: name }),
  });
  // "Task failed to start" says less than the container that did not.
  const words = [reason, container.reason ?? ''].find((one) => /Error\b/.test(one)) ?? reason;
  const said = readReason(`${reason} ${container.reason ?? ''}`, words, evidence);
  if (said) return found(said);
  if (/failed container health checks/i.test(reason)) {
    const message = 'its healthcheck failed again and again; its command has to end with 0 while all is well';
    return found({ reason: 'HealthCheckFailed', message }, unhealthyOf(task) ?? container);
  }
  if (/ELB health checks/.test(reason)) {
    const unhealthy = { reason: 'HealthCheckFailed', message: 'the load balancer found it unhealthy' };
    return { ...(diagnoseEvents(evidence) ?? found(unhealthy)), taskId: taskIdOf(task) };
  }
  if (task.stopCode === 'SpotInterruption' || /Spot Task was interrupted/.test(reason)) {
    const message = 'AWS has taken its Spot capacity back; another task starts as soon as there is some';
    return found({ reason: 'SpotInterrupted', message });
  }
  if (task.stopCode === 'EssentialContainerExited') {
    const code = container.exitCode;
    const how = code === undefined ? '' : ` with exit code ${code}`;
    return found({ reason: 'ContainerExited', message: `the command ended by itself${how}` });
  }
  return undefined;
}

const PLATFORMS: Readonly<Record<Arch, string>> = { X86_64: 'linux/amd64', ARM64: 'linux/arm64' };

function archMismatch(arch: Arch): Why {
  const other: Arch = arch === 'ARM64' ? 'X86_64' : 'ARM64';
  const message = `the image is not built for ${arch}, on which the preview runs; build it for ${PLATFORMS[arch]}, or set arch to ${other}`;
  return { reason: 'ArchMismatch', message };
}

/** What the container runtime writes into the log in place of a program that is for another processor. */
const EXEC_FORMAT = /^(standard_init_linux\.go:\d+: )?exec .*: exec format error$/;

/**
 * A diagnosis in the light of what the container wrote last. An image for another processor is pulled and started like any
 * other; only its log tells, since its task is an essential container that exited with 1 (AWS re:Post, ECS exec format
 * error).
 */
export function withLines<T extends Why>(found: T, lines: readonly string[], arch: Arch): T {
  if (found.reason !== 'ContainerExited' || !lines.some((line) => EXEC_FORMAT.test(line))) return found;
  const { reason, message } = archMismatch(arch);
  return { ...found, reason, message: `${message}; a script without a #! line ends in the same way` };
}

/** What a stopped reason says by itself: of a task, or repeated in the events of its service. */
function readReason(text: string, words: string, { arch }: Evidence): Why | undefined {
  if (text.includes('NoContainerEngine')) {
    const message =
      'an image needs Docker and no engine answers here; start it, or give a command instead: tempus create --cmd "…"';
    return { reason: 'NoContainerEngine', message };
  }
  if (/does not contain descriptor matching platform/.test(text)) return archMismatch(arch);
  if (text.includes('OutOfMemory'))
    return { reason: 'OutOfMemory', message: 'the container needed more memory than spec.memory' };
  if (text.includes('CannotPullContainerError')) {
    const missing = /not found|manifest unknown|does not exist/i.test(text);
    return { reason: missing ? 'ImageNotFound' : 'ImagePullFailed', message: lastingWords(words) };
  }
  if (/Cannot(Create|Start)ContainerError|ContainerRuntimeError|ResourceInitializationError/.test(text))
    return { reason: 'ContainerNotStarted', message: lastingWords(words) };
  return undefined;
}

/** The container for whose health ECS has stopped the task. */
function unhealthyOf({ containers = [] }: Task): Container | undefined {
  return containers.find(({ healthStatus }) => healthStatus === 'UNHEALTHY');
}

/** The container that brought its task down: the others were stopped with it, and exited because of that. */
function culpritOf({ containers = [] }: Task): Container {
  const ended = containers.filter(({ exitCode, reason }) => exitCode !== undefined || reason);
  const stoppedToo = new Set<number | undefined>([0, 137, 143]);
  return (
    ended.find(({ reason }) => reason) ??
    ended.find(({ exitCode }) => !stoppedToo.has(exitCode)) ??
    ended.find(({ exitCode }) => exitCode === 0) ??
    ended[0] ??
    {}
  );
}

function diagnoseTargets({ endpoints }: Evidence): Diagnosis | undefined {
  for (const { endpoint, targets } of endpoints) {
    for (const { TargetHealth } of targets) {
      const found = diagnoseHealth(TargetHealth?.Reason, TargetHealth?.Description ?? '', endpoint);
      if (TargetHealth?.State === 'unhealthy' && found) return found;
    }
  }
  return undefined;
}

function diagnoseHealth(
  reason: string | undefined,
  description: string,
  { port, health_path: healthPath, container }: EndpointTargets['endpoint'],
): Diagnosis | undefined {
  if (reason === 'Target.ResponseCodeMismatch' || /with these codes/.test(description)) {
    const codes = /\[([\d, ]+)\]/.exec(description)?.[1];
    const message = `${healthPath} answered${codes ? ` with ${codes}` : ' with a status outside health_codes'}; set health_path to a path that answers 2xx or 3xx`;
    return { reason: 'HealthCheckFailed', message, container };
  }
  if (reason === 'Target.Timeout' || /timed out/i.test(description)) {
    return { reason: 'HealthCheckFailed', message: `${healthPath} did not answer in time`, container };
  }
  if (reason === 'Target.FailedHealthChecks' || /health checks failed/i.test(description)) {
    return {
      reason: 'PortNotOpen',
      message: `nothing answers on port ${port}; listen on the port in $PORT, at 0.0.0.0 and not only at localhost`,
      container,
    };
  }
  return undefined;
}

/**
 * "(service x) (port 80) is unhealthy in (target-group y) due to (reason Health checks failed …)", and "(service x) was
 * unable to place a task. Reason: …", which is over once a task has started after it.
 */
function diagnoseEvents(evidence: Evidence): Diagnosis | undefined {
  const { service, endpoints } = evidence;
  let started = false;
  for (const { message = '' } of eventsOfRollout(service)) {
    const why = /is unhealthy in \(?target-group .* due to \(reason (.*)\)/.exec(message)?.[1];
    const port = Number(/\(port (\d+)\)/.exec(message)?.[1]);
    // A laptop lends other ports than those that were asked for: then the first address has to stand for it.
    const { endpoint } = endpoints.find((one) => one.endpoint.port === port) ?? endpoints[0] ?? {};
    const found = why === undefined || !endpoint ? undefined : diagnoseHealth(undefined, why, endpoint);
    if (found) return found;
    started ||= /has started \d+ tasks/.test(message);
    const refusal = /unable to place a task\.? *(.*)/.exec(message)?.[1]?.replace(/^Reason: /, '');
    if (refusal !== undefined && !started)
      return readReason(refusal, refusal, evidence) ?? diagnosePlacement(refusal, isOnSpot(service));
  }
  return undefined;
}

function isOnSpot({ capacityProviderStrategy = [] }: Service): boolean {
  return capacityProviderStrategy.some(({ capacityProvider }) => capacityProvider === 'FARGATE_SPOT');
}

/** Newest first. What was said of an earlier rollout explains nothing. */
function eventsOfRollout({ events = [], deployments = [] }: Service): readonly ServiceEvent[] {
  const began = deployments.find(({ status }) => status === 'PRIMARY')?.createdAt?.getTime() ?? -Infinity;
  return events.filter(({ createdAt }) => (createdAt?.getTime() ?? Infinity) >= began);
}
