const PREFIX = 'arn:aws:ecs:us-east-1:000000000000:';

export function clusterArn(cluster: string): string {
  return `${PREFIX}cluster/${cluster}`;
}

export function serviceArn(cluster: string, service: string): string {
  return `${PREFIX}service/${cluster}/${service}`;
}

export function taskArn(cluster: string, taskId: string): string {
  return `${PREFIX}task/${cluster}/${taskId}`;
}

export function taskDefinitionArn(family: string, revision: number): string {
  return `${PREFIX}task-definition/${family}:${revision}`;
}

/** Every ECS call takes a name or an ARN; the name is the ARN's last part. */
export function nameOf(nameOrArn: string): string {
  return nameOrArn.slice(nameOrArn.lastIndexOf('/') + 1);
}
