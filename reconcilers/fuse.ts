import type { GetScheduleCommandOutput } from '@aws-sdk/client-scheduler';
import { isScheduleGone, isScheduleNameTaken } from '../aws/errors.ts';
import { resourceKey, resourceName } from '../preview/names.ts';
import { done, type Outcome } from './outcome.ts';
import type { Ensuring, Work } from './pass.ts';

/**
 * The fuse: a one-time schedule at AWS itself that sets the service's desired count to 0 some time after expiry, so
 * that a preview stops costing money even when every line of Tempus is dead. Schedules cannot be tagged: the group is
 * the install's own, and the name holds the id.
 */
type Observed = Omit<GetScheduleCommandOutput, '$metadata'>;

async function observe({ row, ports, config }: Work): Promise<Observed | undefined> {
  try {
    const key = { GroupName: config.schedule_group, Name: resourceName(row.id) };
    return await ports.scheduler.getSchedule(key);
  } catch (error) {
    if (isScheduleGone(error)) return undefined;
    throw error;
  }
}

function differs(observed: Observed, { plan: { fuse } }: Ensuring): boolean {
  return (
    observed.ScheduleExpression !== fuse.ScheduleExpression ||
    observed.State !== fuse.State ||
    observed.ActionAfterCompletion !== fuse.ActionAfterCompletion ||
    observed.Target?.Arn !== fuse.Target?.Arn ||
    observed.Target?.Input !== fuse.Target?.Input ||
    observed.Target?.RoleArn !== fuse.Target?.RoleArn
  );
}

/** One that the read did not show yet has its name taken: it is set, which sends the same fields. */
async function create({ plan: { fuse }, ports, log }: Ensuring): Promise<void> {
  try {
    await ports.scheduler.createSchedule(fuse);
    log.info({ schedule: fuse.Name, at: fuse.ScheduleExpression }, 'created schedule');
  } catch (error) {
    if (!isScheduleNameTaken(error)) throw error;
    await ports.scheduler.updateSchedule(fuse);
  }
}

/** One that the read still showed may have fired, or have been deleted, since. */
async function move({ plan: { fuse }, ports, log }: Ensuring): Promise<void> {
  try {
    await ports.scheduler.updateSchedule(fuse);
    log.info({ schedule: fuse.Name, at: fuse.ScheduleExpression }, 'moved schedule');
  } catch (error) {
    if (!isScheduleGone(error)) throw error;
    await ports.scheduler.createSchedule(fuse);
  }
}

/** Before the service exists, and moved by every extension. UpdateSchedule resets what it is not given: send all. */
export async function ensureFuse(pass: Ensuring): Promise<Outcome> {
  const { plan, draft } = pass;
  const observed = await observe(pass);
  const key = resourceKey('schedule', plan.fuse.Name);
  if (!observed) {
    pass.fuseBurnt = draft.status.resources[key]?.created_at !== undefined;
    await create(pass);
  } else if (differs(observed, pass)) {
    await move(pass);
  }
  draft.present(key);
  return done;
}

export async function removeFuse(work: Work): Promise<Outcome | 'absent'> {
  const { row, ports, config, draft, log } = work;
  if (!(await observe(work))) return 'absent';
  const Name = resourceName(row.id);
  try {
    await ports.scheduler.deleteSchedule({ GroupName: config.schedule_group, Name });
  } catch (error) {
    if (!isScheduleGone(error)) throw error;
  }
  draft.deleted(resourceKey('schedule', Name));
  log.info({ schedule: Name }, 'deleted schedule');
  return done;
}
