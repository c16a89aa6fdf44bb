import type { CreateScheduleCommandInput, Target } from '@aws-sdk/client-scheduler';

/** A schedule as it is kept: what was asked for, with AWS's defaults written in. */
export interface StoredSchedule {
  name: string;
  group: string;
  arn: string;
  expression: string;
  state: 'ENABLED' | 'DISABLED';
  target: Target & { RetryPolicy: { MaximumRetryAttempts: number; MaximumEventAgeInSeconds: number } };
  flexible: NonNullable<CreateScheduleCommandInput['FlexibleTimeWindow']>;
  afterCompletion: 'NONE' | 'DELETE';
  description?: string;
  createdAt: string;
  modifiedAt: string;
  /** A one-time schedule that has fired and is kept. */
  fired?: boolean;
}

export interface StoredGroup {
  name: string;
  arn: string;
  createdAt: string;
}

export interface SchedulerState {
  groups: StoredGroup[];
  schedules: StoredSchedule[];
}
