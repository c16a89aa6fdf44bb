import { canonicalInstant, expiresAt } from '../preview/expiry.ts';
import type { Finding } from '../preview/conditions.ts';
import type { Accepted, PreviewRow } from '../preview/record.ts';
import { endpointsOf } from '../preview/endpoints.ts';
import { isSeveral, parseSpec } from '../preview/spec.ts';
import type { ReconcilerConfig } from './config.ts';

export interface Acceptance {
  /** What to run and until when. Absent only when nothing acceptable has ever been stored. */
  accepted?: Accepted;
  /** When the preview ends, whatever else is wrong with the record. */
  expires_at: string;
  finding: Finding;
}

type Limits = Pick<ReconcilerConfig, 'max_ttl_hours' | 'allow_workdir' | 'albs'>;
type Verdict<T> = { ok: T } | { reason: string; message: string };

/**
 * Judges the desired state as it is stored, which any DynamoDB client may have edited. What is wrong is named in the
 * finding; what was accepted before keeps ruling in its place, the expiry included.
 */
export function judge(row: PreviewRow, limits: Limits): Acceptance {
  const before = row.status.accepted;
  const expiry = judgeExpiry(row, limits.max_ttl_hours);
  const spec = judgeSpec(row, limits);
  const refusal = 'ok' in spec ? expiry.refusal : spec;
  const { expires_at, ttl_hours } = expiry;
  const runs = 'ok' in spec ? spec.ok : before?.spec;
  return {
    ...(runs === undefined ? {} : { accepted: { spec: runs, ttl_hours, expires_at } }),
    expires_at,
    finding: refusal
      ? { type: 'SpecAccepted', status: 'False', reason: refusal.reason, message: refusal.message }
      : { type: 'SpecAccepted', status: 'True', reason: 'Accepted', message: 'the desired state is valid' },
  };
}

function judgeSpec(row: PreviewRow, { allow_workdir, albs }: Limits): Verdict<Accepted['spec']> {
  const parsed = parseSpec(row.spec);
  if (!parsed.success) {
    const message = parsed.error.issues
      .map((issue) => `${['spec', ...issue.path].join('.')}: ${issue.message}`)
      .join('; ');
    return { reason: 'InvalidSpec', message };
  }
  const spec = parsed.data;
  // In the short form it is a folder of the machine that the command runs on; with an image it is one of the image's.
  if (!isSeveral(spec) && spec.workdir !== undefined && !allow_workdir) {
    return { reason: 'InvalidSpec', message: 'spec.workdir: works in laptop mode only; remove it' };
  }
  const room = Math.max(...albs.map(({ slots }) => slots));
  if (endpointsOf(spec).length > room) {
    const message = `spec.containers: at most ${room} can be public here, as no load balancer has more slots`;
    return { reason: 'InvalidSpec', message };
  }
  return { ok: spec };
}

interface Expiry extends Pick<Accepted, 'ttl_hours' | 'expires_at'> {
  refusal?: { reason: string; message: string };
}

/**
 * `expires_at` alone decides: a good one rules whatever else is wrong. Only where `ttl_hours` was edited and
 * `expires_at` was not, the end is computed anew from the creation.
 */
function judgeExpiry(row: PreviewRow, maxTtlHours: number): Expiry {
  const before = row.status.accepted;
  const typed = judgeInstant(row, maxTtlHours);
  const { ttl_hours } = row;
  if (!Number.isFinite(ttl_hours) || ttl_hours <= 0 || ttl_hours > maxTtlHours) {
    const message = `ttl_hours: must be a number greater than 0 and at most ${maxTtlHours}`;
    const expires_at = 'ok' in typed ? typed.ok : fallbackExpiry(row);
    const kept = before?.ttl_hours ?? ttl_hours;
    return { ttl_hours: kept, expires_at, refusal: { reason: 'InvalidTtl', message } };
  }
  if (!('ok' in typed)) return { ttl_hours, expires_at: fallbackExpiry(row), refusal: typed };
  const edited = before !== undefined && ttl_hours !== before.ttl_hours && typed.ok === before.expires_at;
  return { ttl_hours, expires_at: edited ? expiresAt(row.created_at, ttl_hours) : typed.ok };
}

function judgeInstant(row: PreviewRow, maxTtlHours: number): Verdict<string> {
  const typed = canonicalInstant(row.expires_at);
  if (typed === undefined) {
    const message = 'expires_at: must be a time with a zone, for example 2026-01-31T18:00:00Z';
    return { reason: 'InvalidExpiry', message };
  }
  const latest = expiresAt(canonicalInstant(row.created_at) ?? '1970-01-01T00:00:00Z', maxTtlHours);
  if (typed > latest) {
    const message = `expires_at: must be at most ${maxTtlHours} hours after created_at, that is ${latest}`;
    return { reason: 'InvalidExpiry', message };
  }
  return { ok: typed };
}

/** The end of a record whose own expiry cannot be read: the accepted one, else a day after its creation. */
function fallbackExpiry(row: PreviewRow): string {
  return row.status.accepted?.expires_at ?? expiresAt(row.created_at, 24);
}
