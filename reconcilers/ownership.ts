import type { Elbv2Port } from '../aws/ports.ts';
import { isOwn } from '../preview/names.ts';
import { type Outcome, wait } from './outcome.ts';
import type { Work } from './pass.ts';

/** DescribeTags takes at most this many ARNs. */
const TAGS_A_CALL = 20;

/** Which of these load balancing resources carry the tags of exactly this incarnation. */
export async function ownedArns(arns: readonly string[], { row, ports, config }: Work): Promise<Set<string>> {
  const owned = new Set<string>();
  for (let at = 0; at < arns.length; at += TAGS_A_CALL) {
    const page = await describeTags(ports.elbv2, arns.slice(at, at + TAGS_A_CALL));
    for (const [arn, tags] of page) if (isOwn(tags, config.install, row)) owned.add(arn);
  }
  return owned;
}

async function describeTags(elbv2: Elbv2Port, arns: string[]): Promise<[string, Map<string, string>][]> {
  const { TagDescriptions = [] } = await elbv2.describeTags({ ResourceArns: arns });
  return TagDescriptions.map(({ ResourceArn = '', Tags = [] }) => [
    ResourceArn,
    new Map(Tags.map(({ Key = '', Value = '' }) => [Key, Value])),
  ]);
}

/** Whether ECS tags prove that a resource belongs to exactly this incarnation. */
export function ownsEcs(
  tags: readonly { key?: string | undefined; value?: string | undefined }[] | undefined,
  { row, config }: Work,
): boolean {
  const map = new Map((tags ?? []).map(({ key = '', value = '' }) => [key, value]));
  return isOwn(map, config.install, row);
}

/**
 * What stands under our name without our tags, seen in a teardown: a stranger's, and so absent as far as we go, unless
 * the record says that we once made it. Then somebody took the tags away, and neither deleting it nor calling it gone
 * would be true to what is known: a person has to put the tags back or to delete it. The fuse still stops its cost.
 */
export function unproven(key: string, { draft, config }: Work): Outcome | 'absent' {
  const trace = draft.status.resources[key];
  if (trace?.created_at === undefined) return 'absent';
  const message = `${key.replace('#', ' ')} has lost the tags that prove it ours; put them back or delete it`;
  return wait('OwnershipUnproven', message, config.retry_ms);
}

/** Somebody else's resource stands where ours should: it is never touched, a person has to decide. */
export function nameConflict(what: string, { config }: Work): Outcome {
  const message = `${what} exists already and does not carry the tags of this preview; remove or rename it`;
  return wait('NameConflict', message, config.retry_ms);
}
