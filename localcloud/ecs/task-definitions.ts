import type {
  DeleteTaskDefinitionsCommandInput,
  DeleteTaskDefinitionsCommandOutput,
  DeregisterTaskDefinitionCommandInput,
  DeregisterTaskDefinitionCommandOutput,
  DescribeTaskDefinitionCommandInput,
  DescribeTaskDefinitionCommandOutput,
  Failure,
  ListTaskDefinitionFamiliesCommandInput,
  ListTaskDefinitionFamiliesCommandOutput,
  ListTaskDefinitionsCommandInput,
  ListTaskDefinitionsCommandOutput,
  RegisterTaskDefinitionCommandInput,
  RegisterTaskDefinitionCommandOutput,
  TaskDefinition,
} from '@aws-sdk/client-ecs';

import { nameOf, taskDefinitionArn } from './arns.ts';
import { invalid, refused } from './errors.ts';
import { paged, sortable } from './paging.ts';
import type { EcsContext, TaskDefinitionRecord } from './state.ts';
import { checkTags } from './tags.ts';
import { checkTaskDefinition } from './task-definition-checks.ts';

const MAX_DELETES = 10;

/**
 * Task definitions and their revisions: ACTIVE → INACTIVE → DELETE_IN_PROGRESS → gone, the last as soon as no
 * service and no task uses the revision any more.
 */
export class TaskDefinitions {
  readonly #context: EcsContext;

  constructor(context: EcsContext) {
    this.#context = context;
  }

  register(
    input: RegisterTaskDefinitionCommandInput,
  ): Omit<RegisterTaskDefinitionCommandOutput, '$metadata'> {
    const { family = '', tags, ...registered } = input;
    checkTaskDefinition(input);
    const { state } = this.#context;
    const revision = (Object.hasOwn(state.revisions, family) ? (state.revisions[family] ?? 0) : 0) + 1;
    const record: TaskDefinitionRecord = {
      arn: taskDefinitionArn(family, revision),
      family,
      revision,
      status: 'ACTIVE',
      registered: structuredClone(registered),
      tags: checkTags(tags),
      registeredAt: this.#context.now(),
    };
    state.revisions[family] = revision;
    state.taskDefinitions.push(record);
    this.#context.save();
    return { taskDefinition: view(record), tags: record.tags };
  }

  describe(
    input: DescribeTaskDefinitionCommandInput,
  ): Omit<DescribeTaskDefinitionCommandOutput, '$metadata'> {
    const record = this.#require(input.taskDefinition);
    return {
      taskDefinition: view(record),
      ...(input.include?.includes('TAGS') ? { tags: record.tags } : {}),
    };
  }

  list(input: ListTaskDefinitionsCommandInput): Omit<ListTaskDefinitionsCommandOutput, '$metadata'> {
    this.#forgetDeleted();
    const status = input.status ?? 'ACTIVE';
    const list = this.#context.state.taskDefinitions
      .filter((record) => record.status === status)
      .filter(({ family }) => input.familyPrefix === undefined || family === input.familyPrefix)
      .map(({ arn, family, revision }) => ({ arn, key: `${family}:${sortable(revision)}` }));
    const { items, nextToken } = paged(list, { ...input, descending: input.sort === 'DESC' });
    return { taskDefinitionArns: items, ...nextToken };
  }

  /** Names that begin with `familyPrefix`, unlike in list, where it is the whole name. */
  listFamilies(
    input: ListTaskDefinitionFamiliesCommandInput,
  ): Omit<ListTaskDefinitionFamiliesCommandOutput, '$metadata'> {
    this.#forgetDeleted();
    const { familyPrefix = '', status = 'ALL' } = input;
    const known = this.#context.state.taskDefinitions.filter(
      ({ family, status: own }) => family.startsWith(familyPrefix) && own !== 'DELETE_IN_PROGRESS',
    );
    const active = new Set(known.flatMap((one) => (one.status === 'ACTIVE' ? [one.family] : [])));
    const families = [...new Set(known.map(({ family }) => family))].filter(
      (family) => status === 'ALL' || active.has(family) === (status === 'ACTIVE'),
    );
    const { items, nextToken } = paged(
      families.map((family) => ({ arn: family, key: family })),
      input,
    );
    return { families: items, ...nextToken };
  }

  deregister(
    input: DeregisterTaskDefinitionCommandInput,
  ): Omit<DeregisterTaskDefinitionCommandOutput, '$metadata'> {
    if (!nameOf(input.taskDefinition ?? '').includes(':')) throw refused('Revision is missing.');
    const record = this.#require(input.taskDefinition);
    if (record.status === 'ACTIVE') {
      record.status = 'INACTIVE';
      record.deregisteredAt = this.#context.now();
      this.#context.save();
    }
    return { taskDefinition: view(record) };
  }

  delete(input: DeleteTaskDefinitionsCommandInput): Omit<DeleteTaskDefinitionsCommandOutput, '$metadata'> {
    const asked = input.taskDefinitions ?? [];
    if (asked.length < 1 || asked.length > MAX_DELETES) {
      throw invalid(`taskDefinitions must have between 1 and ${MAX_DELETES} members.`);
    }
    this.#forgetDeleted();
    const failures: Failure[] = [];
    const deleted = asked.flatMap((arn) => {
      const record = this.find(arn);
      const reason = whyNotDeletable(record);
      if (!record || reason !== undefined) {
        failures.push({ arn, ...(reason === undefined ? {} : { reason }) });
        return [];
      }
      record.status = 'DELETE_IN_PROGRESS';
      record.deleteRequestedAt ??= this.#context.now();
      return [record];
    });
    this.#context.save();
    return { taskDefinitions: deleted.map(view), failures };
  }

  /** By ARN or family:revision, or the latest ACTIVE revision of a family. */
  find(reference: string): TaskDefinitionRecord | undefined {
    const [family, revision] = nameOf(reference).split(':');
    return this.#context.state.taskDefinitions.findLast(
      (record) =>
        record.family === family &&
        (revision === undefined ? record.status === 'ACTIVE' : String(record.revision) === revision),
    );
  }

  /** The revision that a new deployment shall run; throws unless it may. */
  requireActive(reference: string | undefined): TaskDefinitionRecord {
    const record = this.find(reference ?? '');
    if (!record) throw refused('TaskDefinition not found.');
    if (record.status !== 'ACTIVE') throw refused('TaskDefinition is inactive');
    return record;
  }

  #require(reference: string | undefined): TaskDefinitionRecord {
    this.#forgetDeleted();
    const record = this.find(reference ?? '');
    if (!record) throw refused('Unable to describe task definition.');
    return record;
  }

  #forgetDeleted(): void {
    const { state } = this.#context;
    const used = new Set([
      ...state.services
        .filter(({ status }) => status !== 'INACTIVE')
        .flatMap(({ deployments }) => deployments.map(({ taskDefinition }) => taskDefinition)),
      ...state.tasks
        .filter(({ lastStatus }) => lastStatus !== 'STOPPED')
        .map(({ taskDefinition }) => taskDefinition),
    ]);
    state.taskDefinitions = state.taskDefinitions.filter(
      ({ arn, status }) => status !== 'DELETE_IN_PROGRESS' || used.has(arn),
    );
  }
}

function whyNotDeletable(record: TaskDefinitionRecord | undefined): string | undefined {
  if (!record) {
    return 'The specified task definition does not exist. Specify a valid account, family, revision and try again.';
  }
  if (record.status !== 'ACTIVE') return undefined;
  return 'The specified task definition is still in ACTIVE status. Please deregister the target and try again.';
}

function view(record: TaskDefinitionRecord): TaskDefinition {
  return {
    ...structuredClone(record.registered),
    taskDefinitionArn: record.arn,
    family: record.family,
    revision: record.revision,
    status: record.status,
    compatibilities: ['EC2', 'FARGATE'],
    registeredAt: new Date(record.registeredAt),
    ...(record.deregisteredAt === undefined ? {} : { deregisteredAt: new Date(record.deregisteredAt) }),
    ...(record.deleteRequestedAt === undefined
      ? {}
      : { deleteRequestedAt: new Date(record.deleteRequestedAt) }),
  };
}
