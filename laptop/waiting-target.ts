import { HEALTH_PATH } from '../api/waiting-room.ts';
import type { AwsClients } from '../aws/clients.ts';
import { NAMES } from './infrastructure.ts';

/** Puts the waiting room behind the load balancer, in place of the one of an earlier run. Answers its target group. */
export async function registerWaitingRoom(
  { elbv2 }: AwsClients,
  at: { host: string; port: number },
): Promise<string> {
  // What is there already, with these very settings, is answered as if it had been made.
  const { TargetGroups } = await elbv2.createTargetGroup({
    Name: NAMES.waiting_room,
    Protocol: 'HTTP',
    Port: 80,
    VpcId: NAMES.vpc_id,
    TargetType: 'ip',
    HealthCheckPath: HEALTH_PATH,
    HealthCheckIntervalSeconds: 5,
    HealthCheckTimeoutSeconds: 2,
    HealthyThresholdCount: 2,
    UnhealthyThresholdCount: 2,
  });
  const TargetGroupArn = TargetGroups?.[0]?.TargetGroupArn;
  if (TargetGroupArn === undefined) throw new Error('the waiting room got no target group');
  const { TargetHealthDescriptions = [] } = await elbv2.describeTargetHealth({ TargetGroupArn });
  const former = TargetHealthDescriptions.flatMap(({ Target }) => Target ?? []);
  const kept = former.some(({ Id, Port }) => Id === at.host && Port === at.port);
  if (former.length > 0 && !kept) await elbv2.deregisterTargets({ TargetGroupArn, Targets: former });
  await elbv2.modifyTargetGroupAttributes({
    TargetGroupArn,
    Attributes: [{ Key: 'deregistration_delay.timeout_seconds', Value: '0' }],
  });
  await elbv2.registerTargets({ TargetGroupArn, Targets: [{ Id: at.host, Port: at.port }] });
  return TargetGroupArn;
}
