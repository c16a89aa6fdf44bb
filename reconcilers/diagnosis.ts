import type { Service, Task } from '@aws-sdk/client-ecs';
import type { TargetHealthDescription } from '@aws-sdk/client-elastic-load-balancing-v2';

/** Why a preview does not serve: a stable reason, a sentence for people, and the task that tells most. */
export interface Diagnosis {
  reason: string;
  message: string;
  taskId?: string;
}

export interface Evidence {
  service: Service;
  stopped: readonly Task[];
  targets: readonly TargetHealthDescription[];
  port: number;
  healthPath: string;
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
  const container = task.containers?.find(({ exitCode, reason: why }) => exitCode !== undefined || why) ?? {};
  const text = `${reason} ${container.reason ?? ''}`;
  const found = (name: string, message: string): Diagnosis => ({
    reason: name,
    message,
    taskId: taskIdOf(task),
  });
  if (text.includes('NoContainerEngine')) {
    return found(
      'NoContainerEngine',
      'an image needs a container engine and none answers here; give a command instead: tempus create --cmd "…"',
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
  if (/CannotStartContainerError|ContainerRuntimeError|ResourceInitializationError/.test(text)) {
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

function diagnoseTargets({ targets, port, healthPath }: Evidence): Diagnosis | undefined {
  for (const { TargetHealth } of targets) {
    const found = diagnoseHealth(TargetHealth?.Reason, TargetHealth?.Description ?? '', port, healthPath);
    if (TargetHealth?.State === 'unhealthy' && found) return found;
  }
  return undefined;
}

function diagnoseHealth(
  reason: string | undefined,
  description: string,
  port: number,
  healthPath: string,
): Diagnosis | undefined {
  if (reason === 'Target.ResponseCodeMismatch' || /with these codes/.test(description)) {
    const codes = /\[([\d, ]+)\]/.exec(description)?.[1];
    const message = `${healthPath} answered${codes ? ` with ${codes}` : ' with a status outside health_codes'}; set health_path to a path that answers 2xx or 3xx`;
    return { reason: 'HealthCheckFailed', message };
  }
  if (reason === 'Target.Timeout' || /timed out/i.test(description)) {
    return { reason: 'HealthCheckFailed', message: `${healthPath} did not answer in time` };
  }
  if (reason === 'Target.FailedHealthChecks' || /health checks failed/i.test(description)) {
    return {
      reason: 'PortNotOpen',
      message: `nothing answers on port ${port}; listen on the port in $PORT, at 0.0.0.0 and not only at localhost`,
    };
  }
  return undefined;
}

/** "(service x) (port 80) is unhealthy in (target-group y) due to (reason Health checks failed …)" */
function diagnoseEvents({ service, port, healthPath }: Evidence): Diagnosis | undefined {
  for (const { message = '' } of service.events ?? []) {
    const why = /is unhealthy in \(?target-group .* due to \(reason (.*)\)/.exec(message)?.[1];
    const found = why === undefined ? undefined : diagnoseHealth(undefined, why, port, healthPath);
    if (found) return found;
    if (message.includes('unable to place a task')) {
      return { reason: 'CapacityExhausted', message: 'AWS has no capacity for the task at the moment' };
    }
  }
  return undefined;
}
