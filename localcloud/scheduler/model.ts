import type {
  CreateScheduleCommandInput,
  CreateScheduleCommandOutput,
  CreateScheduleGroupCommandInput,
  CreateScheduleGroupCommandOutput,
  DeleteScheduleCommandInput,
  DeleteScheduleGroupCommandInput,
  GetScheduleCommandInput,
  GetScheduleCommandOutput,
  GetScheduleGroupCommandInput,
  GetScheduleGroupCommandOutput,
  ListScheduleGroupsCommandInput,
  ListScheduleGroupsCommandOutput,
  ListSchedulesCommandInput,
  ListSchedulesCommandOutput,
  UpdateScheduleCommandInput,
  UpdateScheduleCommandOutput,
} from '@aws-sdk/client-scheduler';
import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { StateStore } from '../state.ts';
import { conflict, invalid, notFound } from './errors.ts';
import { parseExpression } from './expression.ts';
import { Firing } from './firing.ts';
import type { SchedulerState, StoredGroup, StoredSchedule } from './state.ts';
import type { Invoke } from './targets.ts';

type Answer<T> = Promise<Omit<T, '$metadata'>>;

const ARN = 'arn:aws:scheduler:us-east-1:000000000000';
const NAME = /^[0-9a-zA-Z-_.]{1,64}$/;
const DEFAULT_GROUP = 'default';
const PAGE = 100;

export interface SchedulerModelDeps {
  clock: Clock;
  log: Log;
  state: StateStore<SchedulerState>;
  invoke: Invoke;
  /** How long a minute of a rate lasts; AWS's is 60,000 ms. One-time schedules keep real time. */
  minuteMs?: number;
}

/**
 * EventBridge Scheduler: groups, `at` and `rate` schedules, one-time schedules that delete themselves. Fires on the
 * second; AWS promises the minute. Not modelled: cron, time zones, flexible windows (accepted, not used), dead-letter
 * queues, tags, quotas.
 */
export class SchedulerModel {
  readonly #deps: SchedulerModelDeps;
  readonly #state: SchedulerState;
  readonly #firing: Firing;

  constructor(deps: SchedulerModelDeps) {
    this.#deps = deps;
    const { clock, log, invoke, minuteMs = 60_000 } = deps;
    this.#state = deps.state.load() ?? { groups: [this.#newGroup(DEFAULT_GROUP)], schedules: [] };
    this.#firing = new Firing({ clock, log, invoke, minuteMs, onFired: (schedule) => this.#fired(schedule) });
  }

  /** Sets the timers of every schedule that was kept. Call once, when the targets can be invoked. */
  start(): void {
    for (const schedule of this.#state.schedules) this.#firing.arm(schedule);
  }

  stop(): Promise<void> {
    return this.#firing.stop();
  }

  async createScheduleGroup({
    Name,
  }: CreateScheduleGroupCommandInput): Answer<CreateScheduleGroupCommandOutput> {
    const name = checkName(Name);
    if (this.#state.groups.some((group) => group.name === name)) throw conflict(`Schedule group ${name}`);
    const group = this.#newGroup(name);
    this.#state.groups.push(group);
    this.#save();
    return { ScheduleGroupArn: group.arn };
  }

  async getScheduleGroup({ Name }: GetScheduleGroupCommandInput): Answer<GetScheduleGroupCommandOutput> {
    return viewGroup(this.#group(Name));
  }

  async listScheduleGroups(input: ListScheduleGroupsCommandInput): Answer<ListScheduleGroupsCommandOutput> {
    const named = this.#state.groups.filter(({ name }) => name.startsWith(input.NamePrefix ?? ''));
    const { items, next } = page(named, input);
    return { ScheduleGroups: items.map(viewGroup), ...next };
  }

  async deleteScheduleGroup({ Name }: DeleteScheduleGroupCommandInput): Promise<object> {
    const { name } = this.#group(Name);
    if (name === DEFAULT_GROUP) throw invalid('The default schedule group cannot be deleted.');
    for (const schedule of this.#state.schedules)
      if (schedule.group === name) this.#firing.disarm(schedule.arn);
    this.#state.schedules = this.#state.schedules.filter((schedule) => schedule.group !== name);
    this.#state.groups = this.#state.groups.filter((group) => group.name !== name);
    this.#save();
    return {};
  }

  async createSchedule(input: CreateScheduleCommandInput): Answer<CreateScheduleCommandOutput> {
    const group = this.#group(input.GroupName ?? DEFAULT_GROUP).name;
    const name = checkName(input.Name);
    if (this.#find(group, name)) throw conflict(`Schedule ${name}`);
    const schedule = this.#build(input, group, name);
    this.#state.schedules.push(schedule);
    this.#save();
    this.#firing.arm(schedule);
    return { ScheduleArn: schedule.arn };
  }

  /** Replaces the schedule: whatever is not given goes back to its default, as on AWS. */
  async updateSchedule(input: UpdateScheduleCommandInput): Answer<UpdateScheduleCommandOutput> {
    const before = this.#schedule(input.GroupName, input.Name);
    const { createdAt } = before;
    const next = { ...this.#build(input, before.group, before.name), createdAt };
    this.#state.schedules = this.#state.schedules.map((schedule) => (schedule === before ? next : schedule));
    this.#save();
    this.#firing.arm(next);
    return { ScheduleArn: next.arn };
  }

  async getSchedule({ GroupName, Name }: GetScheduleCommandInput): Answer<GetScheduleCommandOutput> {
    const schedule = this.#schedule(GroupName, Name);
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

  async deleteSchedule({ GroupName, Name }: DeleteScheduleCommandInput): Promise<object> {
    this.#remove(this.#schedule(GroupName, Name));
    return {};
  }

  async listSchedules(input: ListSchedulesCommandInput): Answer<ListSchedulesCommandOutput> {
    const group = input.GroupName === undefined ? undefined : this.#group(input.GroupName).name;
    const found = this.#state.schedules.filter(
      (schedule) =>
        (group === undefined || schedule.group === group) &&
        schedule.name.startsWith(input.NamePrefix ?? '') &&
        (input.State === undefined || schedule.state === input.State),
    );
    const { items, next } = page(found, input);
    const Schedules = items.map((schedule) => ({
      Arn: schedule.arn,
      Name: schedule.name,
      GroupName: schedule.group,
      State: schedule.state,
      CreationDate: new Date(schedule.createdAt),
      LastModificationDate: new Date(schedule.modifiedAt),
      Target: { Arn: schedule.target.Arn },
    }));
    return { Schedules, ...next };
  }

  #build(input: CreateScheduleCommandInput, group: string, name: string): StoredSchedule {
    const { ScheduleExpression = '', Target, FlexibleTimeWindow, Description } = input;
    const timing = parseExpression(ScheduleExpression, input.ScheduleExpressionTimezone);
    if (typeof timing === 'string') throw invalid(timing);
    if (!FlexibleTimeWindow?.Mode) throw invalid('FlexibleTimeWindow: Mode is required.');
    if (!Target?.Arn || !Target.RoleArn) throw invalid('Target: Arn and RoleArn are required.');
    const now = this.#deps.clock.now().toISOString();
    return {
      name,
      group,
      arn: `${ARN}:schedule/${group}/${name}`,
      expression: ScheduleExpression,
      state: input.State ?? 'ENABLED',
      target: Target,
      flexible: FlexibleTimeWindow,
      afterCompletion: input.ActionAfterCompletion ?? 'NONE',
      createdAt: now,
      modifiedAt: now,
      ...(Description === undefined ? {} : { description: Description }),
    };
  }

  /** A one-time schedule has done its work. One that was replaced in the meantime is not the one that fired. */
  #fired(schedule: StoredSchedule): void {
    if (!this.#state.schedules.includes(schedule)) return;
    if (schedule.afterCompletion === 'DELETE') this.#remove(schedule);
    else schedule.fired = true;
    this.#save();
  }

  #remove(schedule: StoredSchedule): void {
    this.#firing.disarm(schedule.arn);
    this.#state.schedules = this.#state.schedules.filter((other) => other !== schedule);
    this.#save();
  }

  #find(group: string, name: string): StoredSchedule | undefined {
    return this.#state.schedules.find((schedule) => schedule.group === group && schedule.name === name);
  }

  #schedule(GroupName: string | undefined, Name: string | undefined): StoredSchedule {
    const name = checkName(Name);
    const schedule = this.#find(GroupName ?? DEFAULT_GROUP, name);
    if (!schedule) throw notFound(`Schedule ${name}`);
    return schedule;
  }

  #group(Name: string | undefined): StoredGroup {
    const group = this.#state.groups.find(({ name }) => name === Name);
    if (!group) throw notFound(`Schedule group ${Name}`);
    return group;
  }

  #newGroup(name: string): StoredGroup {
    return { name, arn: `${ARN}:schedule-group/${name}`, createdAt: this.#deps.clock.now().toISOString() };
  }

  #save(): void {
    this.#deps.state.save(this.#state);
  }
}

function checkName(name: string | undefined): string {
  if (name === undefined || !NAME.test(name)) {
    throw invalid('Name must be 1 to 64 letters, digits, hyphens, underscores or dots.');
  }
  return name;
}

function viewGroup({ arn, name, createdAt }: StoredGroup): Omit<GetScheduleGroupCommandOutput, '$metadata'> {
  return { Arn: arn, Name: name, State: 'ACTIVE', CreationDate: new Date(createdAt) };
}

/** One page. The token is the offset: the list of one machine is short and its order does not change. */
function page<T>(
  all: readonly T[],
  { MaxResults = PAGE, NextToken }: { MaxResults?: number | undefined; NextToken?: string | undefined },
): { items: T[]; next: { NextToken?: string } } {
  const start = NextToken === undefined ? 0 : Number(NextToken);
  if (!Number.isInteger(start) || start < 0) throw invalid('NextToken is not one of ours.');
  const end = start + Math.min(Math.max(MaxResults, 1), PAGE);
  return { items: all.slice(start, end), next: end < all.length ? { NextToken: String(end) } : {} };
}
