import type { PreviewRow } from './record.ts';

/**
 * Names and tags of everything that Tempus creates. Names are derived, never random, so that a crashed attempt
 * finds its own work again; tags, given in the create call itself, prove whose it is.
 */
export const RESOURCE_KINDS = [
  'schedule',
  'target-group',
  'listener-rule',
  'task-definition',
  'service',
] as const;
export type ResourceKind = (typeof RESOURCE_KINDS)[number];

export const TAGS = {
  managed: 'tempus:managed',
  install: 'tempus:install',
  preview: 'tempus:preview',
  uid: 'tempus:uid',
  resource: 'tempus:resource',
  /** Set by a person, with any value but `false`: the sweep leaves the resource alone. */
  keep: 'tempus:keep',
} as const;

export interface Tag {
  Key: string;
  Value: string;
}

/** Name of a preview's task definition family, service and fuse: 15 characters. */
export function resourceName(id: string): string {
  return `tempus-${id}`;
}

/** Name of the target group behind one of a preview's addresses: at most 32 characters, as AWS allows. */
export function targetGroupName(id: string, suffix: string): string {
  return `${resourceName(id)}${suffix && '-'}${suffix}`;
}

const RESOURCE_NAME = /^tempus-([0-9a-f]{8})(?:-([a-z0-9-]+))?$/;

/** The preview that a resource of this name would belong to; undefined for any other name. */
export function idOfName(name: string, kind?: ResourceKind): string | undefined {
  const [, id, suffix] = RESOURCE_NAME.exec(name) ?? [];
  return suffix === undefined || kind === 'target-group' ? id : undefined;
}

/** The suffix of the address that a target group of this name is behind; '' for the preview's own. */
export function suffixOfName(name: string): string {
  return RESOURCE_NAME.exec(name)?.[2] ?? '';
}

/** Who holds a slot: a preview, for one of its addresses. */
export function slotHolder(uid: string, suffix: string): string {
  return suffix === '' ? uid : `${uid}/${suffix}`;
}

export function readHolder(holder: string): { uid: string; suffix: string } {
  const [uid = '', suffix = ''] = holder.split('/');
  return { uid, suffix };
}

/** Where a preview's log streams begin: the shared log group holds all previews. */
export function logStreamPrefix(id: string): string {
  return `${id}/`;
}

/** Key of a resource in `status.resources`. */
export function resourceKey(kind: ResourceKind, name: string): string {
  return `${kind}#${name}`;
}

export function resourceTags(
  install: string,
  row: Pick<PreviewRow, 'id' | 'preview_id'>,
  kind: ResourceKind,
): Tag[] {
  return [
    { Key: TAGS.managed, Value: 'true' },
    { Key: TAGS.install, Value: install },
    { Key: TAGS.preview, Value: row.id },
    { Key: TAGS.uid, Value: row.preview_id },
    { Key: TAGS.resource, Value: kind },
  ];
}

/** Whether tags read from AWS prove that a resource belongs to exactly this incarnation in this install. */
export function isOwn(
  tags: ReadonlyMap<string, string>,
  install: string,
  row: Pick<PreviewRow, 'preview_id'>,
): boolean {
  return tags.get(TAGS.install) === install && tags.get(TAGS.uid) === row.preview_id;
}
