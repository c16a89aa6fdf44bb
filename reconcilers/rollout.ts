import { endpointsOf } from '../preview/endpoints.ts';
import type { Accepted, PreviewRow, Status } from '../preview/record.ts';
import { hashSpec, type Spec } from '../preview/spec.ts';
import type { ReconcilerConfig } from './config.ts';

/** Which spec a pass deploys, and whether that is the wish or what is left of it. */
export interface Rollout {
  spec: Spec;
  hash: string;
  /** False when there is nothing good to run: then nothing runs, and nothing is billed. */
  run: boolean;
  /** The accepted spec was rejected before and is not deployed again until it or the nudge changes. */
  rejected: boolean;
  /** The spec is on its way and has not been Ready since it was asked for. */
  rolling: boolean;
}

/** Rejections that time alone can cure: the image appears in its registry, AWS gets room, a permission is granted. */
const CURED_BY_TIME: ReadonlySet<string> = new Set([
  'ImageNotFound',
  'ImagePullFailed',
  'AccessDenied',
  'CapacityExhausted',
  'ContainerNotStarted',
  'PlacementFailed',
]);

/** Whether a rejected spec is to be tried once more, although nobody has changed it. */
export function isRetryDue(
  { failed_at, last_error }: Pick<Status, 'failed_at' | 'last_error'>,
  now: Date,
  { rejected_retry_ms }: Pick<ReconcilerConfig, 'rejected_retry_ms'>,
): boolean {
  if (failed_at === undefined || !CURED_BY_TIME.has(last_error?.reason ?? '')) return false;
  return now.getTime() - new Date(failed_at).getTime() >= rejected_retry_ms;
}

export function chooseRollout(
  { status, nudge }: Pick<PreviewRow, 'status' | 'nudge'>,
  accepted: Accepted,
  retry = false,
): Rollout {
  const hash = hashSpec(accepted.spec);
  const rejected = status.failed_spec === hash && status.failed_nudge === nudge && !retry;
  if (!rejected) {
    return { spec: accepted.spec, hash, run: true, rejected, rolling: status.observed_spec !== hash };
  }
  const spec = status.served_spec ?? accepted.spec;
  return { spec, hash: hashSpec(spec), run: status.served_spec !== undefined, rejected, rolling: false };
}

/** Which addresses a spec wants, by suffix; each needs a slot. */
export function suffixesOf(spec: Spec): string[] {
  return endpointsOf(spec).map(({ suffix }) => suffix);
}

/** The status fields that say which rollout is under way and since when; unchanged while it goes on. */
export function rolloutFields(status: Status, { hash, rolling }: Rollout, at: string): Partial<Status> {
  if (!rolling) return {};
  const goesOn = status.rollout?.spec === hash && status.failed_spec !== hash;
  return { rollout: goesOn && status.rollout ? status.rollout : { spec: hash, since: at } };
}
