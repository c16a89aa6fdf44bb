import type {
  CreateScheduleCommandInput,
  CreateScheduleCommandOutput,
  CreateScheduleGroupCommandInput,
  CreateScheduleGroupCommandOutput,
  DeleteScheduleCommandInput,
  DeleteScheduleCommandOutput,
  DeleteScheduleGroupCommandInput,
  DeleteScheduleGroupCommandOutput,
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
import { Firing } from './firing.ts';
import { paged } from './paging.ts';
import { checkName, readSchedule } from './schedule-input.ts';
import type { SchedulerState, StoredGroup, StoredSchedule } from './state.ts';
import type { Invoke } from './targets.ts';
import { summarize, viewGroup, viewSchedule } from './views.ts';

type Answer<T> = Promise<Omit<T, '$metadata'>>;

const ARN = 'arn:aws:scheduler:us-east-1:000000000000';
const DEFAULT_GROUP = 'default';

export interface SchedulerModelDeps {
  clock: Clock;
  log: Log;
  state: StateStore<SchedulerState>;
  invoke: Invoke;
  /** How long a minute of a rate lasts; AWS's is 60,000 ms. One-time schedules keep real time. */
  minuteMs?: number;
  /** How long after its time a schedule fires this time; absent: at once. */
  lateMs?: (() => number) | undefined;
}

/**
 * EventBridge Scheduler: groups, `at` and `rate` schedules, retries, one-time schedules that delete themselves. A
 * firing that was cut off by the end of the process is repeated by the next one: at least once, as on AWS. Call
 * `start` when the targets can be invoked, `stop` at the end.
 *
 * AWS takes an `at` in the past, but does not document whether it fires; here it fires at once. AWS promises the
 * minute; here it is the second. A flexible window is taken and its first moment is used. AWS deletes a group's
 * schedules little by little; here they go at once.
 *
 * Not modelled, and refused: cron, time zones, start and end dates, keys, tags, dead-letter queues, templated
 * targets. Not modelled, and left out: idempotency by client token, quotas. Throttling comes from
 * around the model.
 */
export class SchedulerModel {
  readonly #deps: SchedulerModelDeps;
  readonly #state: SchedulerState;
  readonly #firing: Firing;

  constructor(deps: SchedulerModelDeps) {
    this.#deps = deps;
    const { clock, log, invoke, minuteMs = 60_000, lateMs } = deps;
    this.#state = deps.state.load() ?? { groups: [this.#newGroup(DEFAULT_GROUP)], schedules: [] };
    const onFired = (schedule: StoredSchedule) => this.#fired(schedule);
    this.#firing = new Firing({ clock, log, invoke, minuteMs, lateMs, onFired });
  }

  /** Sets the timers of every schedule that was kept. */
  start(): void {
    for (const schedule of this.#state.schedules) this.#firing.arm(schedule, 'kept');
  }

  stop(): Promise<void> {
    return this.#firing.stop();
  }

  async createScheduleGroup({
    Name,
    Tags = [],
  }: CreateScheduleGroupCommandInput): Answer<CreateScheduleGroupCommandOutput> {
    const name = checkName(Name);
    if (Tags.length > 0) throw invalid('Tags are not modelled here.');
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
    const { items, next } = paged(named, ({ name }) => name, input);
    return { ScheduleGroups: items.map(viewGroup), ...next };
  }

  async deleteScheduleGroup({
    Name,
  }: DeleteScheduleGroupCommandInput): Answer<DeleteScheduleGroupCommandOutput> {
    const { name } = this.#group(Name);
    if (name === DEFAULT_GROUP) throw invalid('The default schedule group cannot be deleted.');
    const [gone, kept] = [this.#in(name), this.#state.schedules.filter(({ group }) => group !== name)];
    this.#state.schedules = kept;
    this.#state.groups = this.#state.groups.filter((group) => group.name !== name);
    this.#save();
    for (const { arn } of gone) this.#firing.disarm(arn);
    return {};
  }

  async createSchedule(input: CreateScheduleCommandInput): Answer<CreateScheduleCommandOutput> {
    const name = checkName(input.Name);
    const asked = readSchedule(input);
    const group = this.#group(input.GroupName ?? DEFAULT_GROUP).name;
    if (this.#find(group, name)) throw conflict(`Schedule ${name}`);
    const now = this.#now();
    const arn = `${ARN}:schedule/${group}/${name}`;
    const schedule = { name, group, arn, ...asked, createdAt: now, modifiedAt: now };
    this.#state.schedules.push(schedule);
    this.#save();
    this.#firing.arm(schedule, 'new');
    return { ScheduleArn: arn };
  }

  /** Replaces the schedule: whatever is not given goes back to its default, as on AWS. */
  async updateSchedule(input: UpdateScheduleCommandInput): Answer<UpdateScheduleCommandOutput> {
    const asked = readSchedule(input);
    const before = this.#schedule(input.GroupName, input.Name);
    const { name, group, arn, createdAt } = before;
    const next = { name, group, arn, ...asked, createdAt, modifiedAt: this.#now() };
    this.#state.schedules = this.#state.schedules.map((schedule) => (schedule === before ? next : schedule));
    this.#save();
    this.#firing.arm(next, 'new');
    return { ScheduleArn: arn };
  }

  async getSchedule({ GroupName, Name }: GetScheduleCommandInput): Answer<GetScheduleCommandOutput> {
    return viewSchedule(this.#schedule(GroupName, Name));
  }

  async deleteSchedule({ GroupName, Name }: DeleteScheduleCommandInput): Answer<DeleteScheduleCommandOutput> {
    this.#remove(this.#schedule(GroupName, Name));
    return {};
  }

  async listSchedules(input: ListSchedulesCommandInput): Answer<ListSchedulesCommandOutput> {
    const { GroupName, NamePrefix = '', State } = input;
    const listed = GroupName === undefined ? this.#state.schedules : this.#in(this.#group(GroupName).name);
    const found = listed.filter(
      ({ name, state }) => name.startsWith(NamePrefix) && (State === undefined || state === State),
    );
    const { items, next } = paged(found, ({ group, name }) => `${group}/${name}`, input);
    return { Schedules: items.map(summarize), ...next };
  }

  /** A one-time schedule has done its work. One that was replaced in the meantime is not the one that fired. */
  #fired(schedule: StoredSchedule): void {
    if (!this.#state.schedules.includes(schedule)) return;
    if (schedule.afterCompletion === 'DELETE') return this.#remove(schedule);
    schedule.fired = true;
    this.#save();
  }

  #remove(schedule: StoredSchedule): void {
    this.#state.schedules = this.#state.schedules.filter((other) => other !== schedule);
    this.#save();
    this.#firing.disarm(schedule.arn);
  }

  #in(group: string): StoredSchedule[] {
    return this.#state.schedules.filter((schedule) => schedule.group === group);
  }

  #find(group: string, name: string): StoredSchedule | undefined {
    return this.#in(group).find((schedule) => schedule.name === name);
  }

  #schedule(GroupName: string | undefined, Name: string | undefined): StoredSchedule {
    const name = checkName(Name);
    const schedule = this.#find(GroupName ?? DEFAULT_GROUP, name);
    if (!schedule) throw notFound(`Schedule ${name}`);
    return schedule;
  }

  #group(Name: string | undefined): StoredGroup {
    const name = checkName(Name);
    const group = this.#state.groups.find((one) => one.name === name);
    if (!group) throw notFound(`Schedule group ${name}`);
    return group;
  }

  #newGroup(name: string): StoredGroup {
    return { name, arn: `${ARN}:schedule-group/${name}`, createdAt: this.#now() };
  }

  #now(): string {
    return this.#deps.clock.now().toISOString();
  }

  #save(): void {
    this.#deps.state.save(this.#state);
  }
}
