import type { Tag } from '@aws-sdk/client-ecs';

import { invalid } from './errors.ts';

const MAX_TAGS = 50;

/** Throws where AWS refuses tags: too many, too long, or in AWS's own namespace. */
export function checkTags(tags: readonly Tag[] | undefined): Tag[] {
  for (const { key = '', value = '' } of tags ?? []) {
    if (key.length < 1 || key.length > 128) throw invalid('Tag keys must have 1 to 128 characters.');
    if (value.length > 256) throw invalid('Tag values must have at most 256 characters.');
    if (key.toLowerCase().startsWith('aws:')) {
      throw invalid('Tag keys cannot begin with aws: , which is reserved for AWS use.');
    }
  }
  return withTags([], tags ?? []);
}

/** `tags` with `added` in place of those of the same key. */
export function withTags(tags: readonly Tag[], added: readonly Tag[]): Tag[] {
  const merged = new Map([...tags, ...added].map((tag) => [tag.key, tag]));
  if (merged.size > MAX_TAGS) throw invalid(`A resource can have at most ${MAX_TAGS} tags.`);
  return [...merged.values()];
}
