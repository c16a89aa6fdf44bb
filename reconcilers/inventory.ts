import type { TagDescription } from '@aws-sdk/client-elastic-load-balancing-v2';
import { isRuleGone, isTargetGroupGone } from '../aws/errors.ts';
import type { AwsPorts } from '../aws/ports.ts';
import { idOfName, type ResourceKind, TAGS } from '../preview/names.ts';
import type { ReconcilerConfig } from './config.ts';

/** One resource that stands in AWS and may be ours. */
export interface Standing {
  kind: ResourceKind;
  /** Unique among its kind: a name, or the ARN of a rule. */
  key: string;
  /** The preview that its name or tag says. */
  id: string;
  arn?: string;
  /** Of a listener rule. */
  place?: { alb: string; priority: number };
}

/** What AWS's tags say of a resource. */
export interface Proof {
  install: string | undefined;
  uid: string | undefined;
  preview: string | undefined;
  kept: boolean;
}

/** What is asked for tags. */
export type InventoryPorts = Pick<AwsPorts, 'ecs' | 'elbv2' | 'scheduler'>;

/** What is listed through. */
export interface ListPorts {
  ecs: Pick<AwsPorts['ecs'], 'listServices' | 'listTaskDefinitionFamilies'>;
  elbv2: Pick<AwsPorts['elbv2'], 'describeTargetGroups' | 'describeRules'>;
  scheduler: Pick<AwsPorts['scheduler'], 'listSchedules'>;
}

const PREFIX = 'tempus-';
const TAGS_A_CALL = 20;
const SERVICES_A_CALL = 10;

/** Asks for page after page until AWS has no more; a page that fails fails the whole list. */
async function pages<P>(
  read: (next: string | undefined) => Promise<P>,
  nextOf: (page: P) => string | undefined,
) {
  const all: P[] = [];
  let next: string | undefined;
  do {
    const page = await read(next);
    all.push(page);
    next = nextOf(page);
  } while (next);
  return all;
}

/**
 * Everything in AWS that carries a name like ours, and every rule of our listeners, whoever made it. Rejects when any
 * part of it cannot be listed: half a list would make what is missing from it look gone.
 */
export async function listStanding(
  { ecs, elbv2, scheduler }: ListPorts,
  config: ReconcilerConfig,
): Promise<Standing[]> {
  const services = await pages(
    (nextToken) =>
      ecs.listServices({ cluster: config.cluster, maxResults: 100, ...(nextToken ? { nextToken } : {}) }),
    ({ nextToken }) => nextToken,
  );
  const families = await pages(
    (nextToken) =>
      ecs.listTaskDefinitionFamilies({
        familyPrefix: PREFIX,
        status: 'ALL',
        ...(nextToken ? { nextToken } : {}),
      }),
    ({ nextToken }) => nextToken,
  );
  const groups = await pages(
    (Marker) => elbv2.describeTargetGroups(Marker ? { Marker } : {}),
    ({ NextMarker }) => NextMarker,
  );
  const schedules = await pages(
    (NextToken) =>
      scheduler.listSchedules({
        GroupName: config.schedule_group,
        NamePrefix: PREFIX,
        ...(NextToken ? { NextToken } : {}),
      }),
    ({ NextToken }) => NextToken,
  );
  return [
    ...services
      .flatMap(({ serviceArns = [] }) => serviceArns)
      .flatMap((arn) => named('service', arn.split('/').at(-1) ?? '', arn)),
    ...families
      .flatMap(({ families: names = [] }) => names)
      .flatMap((name) => named('task-definition', name)),
    ...groups
      .flatMap(({ TargetGroups = [] }) => TargetGroups)
      .flatMap(({ TargetGroupName = '', TargetGroupArn }) =>
        named('target-group', TargetGroupName, TargetGroupArn),
      ),
    ...schedules
      .flatMap(({ Schedules = [] }) => Schedules)
      .flatMap(({ Name = '' }) => named('schedule', Name)),
    ...(await listRules(elbv2, config)),
  ];
}

/** A resource whose name is one of ours, or nothing. */
function named(kind: ResourceKind, name: string, arn?: string): Standing[] {
  const id = idOfName(name, kind);
  return id === undefined ? [] : [{ kind, key: name, id, ...(arn === undefined ? {} : { arn }) }];
}

async function listRules(elbv2: ListPorts['elbv2'], config: ReconcilerConfig): Promise<Standing[]> {
  const rules: Standing[] = [];
  for (const { name: alb, listener_arn: ListenerArn } of config.albs) {
    const all = await pages(
      (Marker) => elbv2.describeRules({ ListenerArn, ...(Marker ? { Marker } : {}) }),
      ({ NextMarker }) => NextMarker,
    );
    for (const { RuleArn, Priority, IsDefault } of all.flatMap(({ Rules = [] }) => Rules)) {
      if (RuleArn === undefined || IsDefault) continue;
      // Rules have no names: whose each is, its tags will tell.
      const place = { alb, priority: Number(Priority) };
      rules.push({ kind: 'listener-rule', key: RuleArn, id: '', arn: RuleArn, place });
    }
  }
  return rules;
}

/** The tags of load balancing resources, by ARN. What is gone by now is left out. */
export async function proveElbv2(
  elbv2: AwsPorts['elbv2'],
  arns: readonly string[],
): Promise<Map<string, Proof>> {
  const proofs = new Map<string, Proof>();
  for (let at = 0; at < arns.length; at += TAGS_A_CALL) {
    for (const { ResourceArn = '', Tags = [] } of await describeTags(
      elbv2,
      arns.slice(at, at + TAGS_A_CALL),
    )) {
      proofs.set(ResourceArn, proofOf(new Map(Tags.map(({ Key = '', Value = '' }) => [Key, Value]))));
    }
  }
  return proofs;
}

/** One ARN that is gone by now refuses the whole call: then each is asked for alone. */
async function describeTags(
  elbv2: AwsPorts['elbv2'],
  ResourceArns: readonly string[],
): Promise<TagDescription[]> {
  try {
    return (await elbv2.describeTags({ ResourceArns: [...ResourceArns] })).TagDescriptions ?? [];
  } catch (error) {
    if (!isTargetGroupGone(error) && !isRuleGone(error)) throw error;
    if (ResourceArns.length === 1) return [];
    const found: TagDescription[] = [];
    for (const arn of ResourceArns) found.push(...(await describeTags(elbv2, [arn])));
    return found;
  }
}

/** The tags of services, by name. */
export async function proveServices(
  ecs: AwsPorts['ecs'],
  cluster: string,
  names: readonly string[],
): Promise<Map<string, Proof>> {
  const proofs = new Map<string, Proof>();
  for (let at = 0; at < names.length; at += SERVICES_A_CALL) {
    const services = names.slice(at, at + SERVICES_A_CALL);
    const answer = await ecs.describeServices({ cluster, services, include: ['TAGS'] });
    for (const { serviceName = '', tags = [], status } of answer.services ?? []) {
      if (status !== 'INACTIVE') proofs.set(serviceName, proofOf(ecsTags(tags)));
    }
  }
  return proofs;
}

/**
 * The tags of the newest revision of a family that AWS still lists; undefined when there is none. A family goes as a
 * whole, so where it is this install's it is kept if any revision of it is.
 */
export async function proveFamily(
  ecs: AwsPorts['ecs'],
  familyPrefix: string,
  install: string,
): Promise<Proof | undefined> {
  let newest: Proof | undefined;
  for (const status of ['ACTIVE', 'INACTIVE'] as const) {
    const lists = await pages(
      (nextToken) =>
        ecs.listTaskDefinitions({
          familyPrefix,
          status,
          sort: 'DESC',
          ...(nextToken ? { nextToken } : {}),
        }),
      ({ nextToken }) => nextToken,
    );
    for (const taskDefinition of lists.flatMap(({ taskDefinitionArns = [] }) => taskDefinitionArns)) {
      const { tags = [] } = await ecs.describeTaskDefinition({ taskDefinition, include: ['TAGS'] });
      const proof = proofOf(ecsTags(tags));
      newest ??= proof;
      // A stranger's family is nothing to look at any further.
      if (newest.install !== install) return newest;
      if (proof.kept) return { ...newest, kept: true };
    }
  }
  return newest;
}

function ecsTags(
  tags: readonly { key?: string | undefined; value?: string | undefined }[],
): Map<string, string> {
  return new Map(tags.map(({ key = '', value = '' }) => [key, value]));
}

function proofOf(tags: ReadonlyMap<string, string>): Proof {
  const keep = tags.get(TAGS.keep);
  return {
    install: tags.get(TAGS.install),
    uid: tags.get(TAGS.uid),
    preview: tags.get(TAGS.preview),
    kept: keep !== undefined && keep !== 'false',
  };
}
