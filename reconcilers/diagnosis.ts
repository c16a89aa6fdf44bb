import type { Container, Service, Task } from '@aws-sdk/client-ecs';
import type { TargetHealthDescription } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Endpoint } from '../preview/endpoints.ts';

/** Why a preview does not serve: a stable reason, a sentence for people, and the task that tells most. */
export interface Diagnosis {
  reason: string;
  message: string;
  taskId?: string;
  /** Whose last words tell most. */
  container?: string;
}

export interface EndpointTargets {
  endpoint: Pick<Endpoint, 'container' | 'port' | 'health_path'>;
  targets: readonly TargetHealthDescription[];
}

export interface Evidence {
  service: Service;
  stopped: readonly Task[];
  /** What each of the preview's addresses should lead to, and what the load balancer sees there. */
  endpoints: readonly EndpointTargets[];
}

/**
 * Reads AWS's own words: stopped reasons first, for they say what happened; then what the load balancer sees; then the
 * service's events. Prefixes are those of the ECS developer guide, stopped-task-error-codes.
 */
export function diagnose(evidence: Evidence): Diagnosis | undefined {
  const last = evidence.stopped.toSorted(
    (a, b) => (b.stoppedAt?.getTime() ?? 0) - (a.stoppedAt?.getTime() ?? 0),
  )[0];
  return (last && diagnoseTask(last, evidence)) ?? diagnoseTargets(evidence) ?? diagnoseEvents(evidence);
}

export function taskIdOf(task: Task): string {
  return task.taskArn?.split('/').at(-1) ?? '';
}

function diagnoseTask(task: Task, evidence: Evidence): Diagnosis | undefined {
  const reason = task.stoppedReason ?? '';
  const container = culpritOf(task);
  const text = `${reason} ${container.reason ?? ''}`;
  const several = (task.containers?.length ?? 0) > 1 && container.name !== undefined;
  const found = (name: string, message: string): Diagnosis => ({
    reason: name,
    message: several ? `container ${container.name}: ${message}` : message,
    taskId: taskIdOf(task),
    ...(container.name === undefined ? {} : { container: container.name }),
  });
  if (text.includes('NoContainerEngine')) {
    return found(
      'NoContainerEngine',
      'an image needs Docker and no engine answers here; start it, or give a command instead: tempus create --cmd "…"',
    );
  }
  if (/exec format error|does not contain descriptor matching platform/.test(text)) {
    return found('ArchMismatch', 'the image is built for another CPU architecture than the task runs on');
  }
  if (text.includes('OutOfMemory'))
    return found('OutOfMemory', 'the container needed more memory than spec.memory');
  if (text.includes('CannotPullContainerError')) {
    const missing = /not found|manifest unknown|does not exist/i.test(text);
    return found(missing ? 'ImageNotFound' : 'ImagePullFailed', reason);
  }
  if (/Cannot(Create|Start)ContainerError|ContainerRuntimeError|ResourceInitializationError/.test(text)) {
    return found('ContainerNotStarted', reason);
  }
  if (/ELB health checks/.test(text)) {
    const seen =
      diagnoseEvents(evidence) ?? found('HealthCheckFailed', 'the load balancer found it unhealthy');
    return { ...seen, taskId: taskIdOf(task) };
  }
  if (task.stopCode === 'EssentialContainerExited') {
    const code = container.exitCode;
    return found(
      'ContainerExited',
      `the command ended by itself${code === undefined ? '' : ` with exit code ${code}`}`,
    );
  }
  return undefined;
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

/** "(service x) (port 80) is unhealthy in (target-group y) due to (reason Health checks failed …)" */
function diagnoseEvents({ service, endpoints }: Evidence): Diagnosis | undefined {
  for (const { message = '' } of service.events ?? []) {
    const why = /is unhealthy in \(?target-group .* due to \(reason (.*)\)/.exec(message)?.[1];
    const port = Number(/\(port (\d+)\)/.exec(message)?.[1]);
    // A laptop lends other ports than those that were asked for: then the first address has to stand for it.
    const { endpoint } = endpoints.find((one) => one.endpoint.port === port) ?? endpoints[0] ?? {};
    const found = why === undefined || !endpoint ? undefined : diagnoseHealth(undefined, why, endpoint);
    if (found) return found;
    if (message.includes('unable to place a task')) {
      return { reason: 'CapacityExhausted', message: 'AWS has no capacity for the task at the moment' };
    }
  }
  return undefined;
}
