import { isScheduleGone } from '../../aws/errors.ts';
import type { Account } from './account.ts';
import { DEPLOY } from './deploy.ts';
import { fail, type Finding, ok } from './finding.ts';

/** Undefined where AWS knows of nothing by that name. */
async function orGone<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isScheduleGone(error)) return undefined;
    throw error;
  }
}

export async function lookAtExpiry({ clients: { scheduler }, names }: Account): Promise<Finding[]> {
  const { expire_group: GroupName, expire_schedule: Name } = names;
  const seen = await orGone(scheduler.getSchedule({ GroupName, Name }));
  return [judgeExpiry(`${GroupName}/${Name}`, seen?.State, seen?.ScheduleExpression)];
}

export function judgeExpiry(name: string, state: string | undefined, expression?: string): Finding {
  const facts = { state: state ?? null, expression: expression ?? null };
  if (state === 'ENABLED') return ok(`the schedule ${name} is enabled, ${expression}`, facts);
  const means =
    'Nothing marks previews whose time is up but the controller: with it dead, only the fuses are left.';
  const finding = `the schedule ${name} is ${state === undefined ? 'not there' : state}`;
  return fail(finding, { means, fix: DEPLOY, facts });
}

export async function lookAtFuses({ clients: { scheduler }, names }: Account): Promise<Finding[]> {
  const seen = await orGone(scheduler.getScheduleGroup({ Name: names.fuses }));
  return [judgeFuses(names.fuses, seen?.State)];
}

export function judgeFuses(name: string, state: string | undefined): Finding {
  if (state === 'ACTIVE') return ok(`the group ${name} is there`);
  const means = 'No preview can be started, because none is without its fuse.';
  const finding = `the schedule group ${name} is ${state ?? 'not there'}`;
  return fail(finding, { means, fix: DEPLOY, facts: { state: state ?? null } });
}
