import { toSeconds } from '../platform/clock.ts';
import { initialConditions } from './conditions.ts';
import { expiresAt } from './expiry.ts';
import { type PreviewRow, shortId } from './record.ts';
import type { Spec } from './spec.ts';

export interface PreviewDraft {
  preview_id: string;
  name?: string | undefined;
  owner: string;
  labels: Record<string, string>;
  source: Record<string, string>;
  spec: Spec;
  ttl_hours: number;
  urls: string[];
}

/** The first record of a preview: Pending, nothing created, everything that it will ever need to be torn down. */
export function draftPreview(draft: PreviewDraft, now: Date): PreviewRow {
  const created_at = toSeconds(now);
  const { preview_id, name, owner, labels, source, spec, ttl_hours, urls } = draft;
  return {
    id: shortId(preview_id),
    preview_id,
    ...(name === undefined ? {} : { name }),
    owner,
    labels,
    source,
    created_at,
    spec,
    ttl_hours,
    expires_at: expiresAt(created_at, ttl_hours),
    phase: 'Pending',
    status: {
      rev: 0,
      conditions: initialConditions(created_at),
      resources: {},
      urls,
      ...(urls[0] === undefined ? {} : { url: urls[0] }),
    },
    live: 'live',
  };
}
