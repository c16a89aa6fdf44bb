import { TAGS } from '../../preview/names.ts';
import type { CloudState } from './cloud.ts';
import { CONFIG } from './config.ts';

/** One resource of this install, as it stands in the models of AWS. */
export interface Resource {
  kind: 'service' | 'task-definition' | 'target-group' | 'listener-rule' | 'schedule';
  name: string;
  /** First 8 digits of the preview, and its UUID where the kind carries tags. */
  id: string;
  uid?: string;
  /** Host or path, for a rule. */
  form?: 'host' | 'path';
}

const NAME = /^tempus-([0-9a-f]{8})$/;

function tag(
  tags: readonly { key?: string; value?: string }[] | undefined,
  name: string,
): string | undefined {
  return tags?.find(({ key }) => key === name)?.value;
}

function elbTags(state: CloudState, arn: string): { key?: string; value?: string }[] {
  return (state.elbv2.tags[arn] ?? []).map(({ Key, Value }) => ({
    ...(Key === undefined ? {} : { key: Key }),
    ...(Value === undefined ? {} : { value: Value }),
  }));
}

/** Everything that stands in AWS and carries this install's tag, or its schedule group and name. */
export function inventory(state: CloudState): Resource[] {
  const found: Resource[] = [];
  const add = (
    kind: Resource['kind'],
    name: string,
    tags: ReturnType<typeof elbTags>,
    form?: Resource['form'],
  ) => {
    if (tag(tags, TAGS.install) !== CONFIG.install) return;
    const uid = tag(tags, TAGS.uid) ?? '';
    found.push({ kind, name, id: tag(tags, TAGS.preview) ?? '', uid, ...(form ? { form } : {}) });
  };
  for (const { name, status, tags } of state.ecs.services) {
    if (status !== 'INACTIVE') add('service', name, tags as ReturnType<typeof elbTags>);
  }
  for (const { family, status, tags, arn } of state.ecs.taskDefinitions) {
    if (status !== 'DELETE_IN_PROGRESS')
      add('task-definition', arn || family, tags as ReturnType<typeof elbTags>);
  }
  for (const { name, arn } of state.elbv2.targetGroups) add('target-group', name, elbTags(state, arn));
  for (const rule of state.elbv2.rules) {
    const form = rule.conditions.some(({ Field }) => Field === 'path-pattern') ? 'path' : 'host';
    add('listener-rule', rule.arn, elbTags(state, rule.arn), form);
  }
  for (const { name, group } of state.scheduler.schedules) {
    const id = NAME.exec(name)?.[1];
    if (group === CONFIG.schedule_group && id !== undefined) found.push({ kind: 'schedule', name, id });
  }
  return found;
}

/** Tasks that cost money now, with the preview that they belong to. */
export function billableTasks(state: CloudState): { id: string; createdAt: number }[] {
  return state.ecs.tasks
    .filter(({ lastStatus }) => lastStatus !== 'STOPPED')
    .map(({ family, createdAt }) => ({ id: NAME.exec(family)?.[1] ?? '', createdAt }));
}
