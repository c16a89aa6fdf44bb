import { canonicalInstant } from '../../preview/expiry.ts';
import type { PreviewRow } from '../../preview/record.ts';
import { containersOf } from '../../preview/endpoints.ts';
import { parseSpec, type Spec } from '../../preview/spec.ts';
import { SERVING } from './tasks.ts';

/** What a record asks for: what to run, and until when (epoch milliseconds). */
export interface Desired {
  spec: Spec | undefined;
  ends: number;
  /** Whether something about the stored desired state cannot be accepted. */
  refused: boolean;
}

const HOUR_MS = 3_600_000;

/** What the record asks for, as far as it can be asked: where an edit is bad, what was accepted before it. */
export function desiredOf(row: PreviewRow, maxTtlHours: number): Desired {
  const parsed = parseSpec(row.spec);
  const { accepted } = row.status;
  const created = Date.parse(row.created_at);
  const typed = Date.parse(canonicalInstant(row.expires_at) ?? '');
  const goodTtl = Number.isFinite(row.ttl_hours) && row.ttl_hours > 0 && row.ttl_hours <= maxTtlHours;
  const goodEnd = typed <= Math.ceil((created + maxTtlHours * HOUR_MS) / 1000) * 1000;
  const before = accepted ? Date.parse(accepted.expires_at) : created + 24 * HOUR_MS;
  return {
    spec: parsed.success ? parsed.data : accepted?.spec,
    ends: goodEnd ? typed : before,
    refused: !parsed.success || !goodTtl || !goodEnd,
  };
}

/** What runs of a desired state: itself, or what was served before where it cannot be; undefined where nothing can. */
export function servableOf(spec: Spec, served: Spec | undefined): Spec | undefined {
  return [spec, served].find((one) => one !== undefined && SERVING.has(tellingImage(one)));
}

/** The image that says how the whole task does: the first that does not serve, else that of the first container. */
export function tellingImage(spec: Spec): string {
  const images = containersOf(spec).map(({ image }) => image);
  return images.find((image) => !SERVING.has(image)) ?? images[0] ?? '';
}
