import type {
  GetScheduleCommandOutput,
  GetScheduleGroupCommandOutput,
  ScheduleSummary,
} from '@aws-sdk/client-scheduler';
import type { StoredGroup, StoredSchedule } from './state.ts';

export function viewSchedule(schedule: StoredSchedule): Omit<GetScheduleCommandOutput, '$metadata'> {
  return {
    Arn: schedule.arn,
    Name: schedule.name,
    GroupName: schedule.group,
    ScheduleExpression: schedule.expression,
    ScheduleExpressionTimezone: 'UTC',
    State: schedule.state,
    Target: schedule.target,
    FlexibleTimeWindow: schedule.flexible,
    ActionAfterCompletion: schedule.afterCompletion,
    CreationDate: new Date(schedule.createdAt),
    LastModificationDate: new Date(schedule.modifiedAt),
    ...(schedule.description === undefined ? {} : { Description: schedule.description }),
  };
}

/** A line of ListSchedules: of the target only the ARN. */
export function summarize(schedule: StoredSchedule): ScheduleSummary {
  return {
    Arn: schedule.arn,
    Name: schedule.name,
    GroupName: schedule.group,
    State: schedule.state,
    CreationDate: new Date(schedule.createdAt),
    LastModificationDate: new Date(schedule.modifiedAt),
    Target: { Arn: schedule.target.Arn },
  };
}

export function viewGroup({
  arn,
  name,
  createdAt,
}: StoredGroup): Omit<GetScheduleGroupCommandOutput, '$metadata'> {
  const created = new Date(createdAt);
  return { Arn: arn, Name: name, State: 'ACTIVE', CreationDate: created, LastModificationDate: created };
}
