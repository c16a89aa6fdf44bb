import type { Accepted, PreviewRow, Status } from '../preview/record.ts';
import { hashSpec, type Spec } from '../preview/spec.ts';

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

export function chooseRollout(
  { status, nudge }: Pick<PreviewRow, 'status' | 'nudge'>,
  accepted: Accepted,
): Rollout {
  const hash = hashSpec(accepted.spec);
  const rejected = status.failed_spec === hash && status.failed_nudge === nudge;
  if (!rejected) {
    return { spec: accepted.spec, hash, run: true, rejected, rolling: status.observed_spec !== hash };
  }
  const spec = status.served_spec ?? accepted.spec;
  return { spec, hash: hashSpec(spec), run: status.served_spec !== undefined, rejected, rolling: false };
}

/** The status fields that say which rollout is under way and since when; unchanged while it goes on. */
export function rolloutFields(status: Status, { hash, rolling }: Rollout, at: string): Partial<Status> {
  if (!rolling) return {};
  const goesOn = status.rollout?.spec === hash && status.failed_spec !== hash;
  return { rollout: goesOn && status.rollout ? status.rollout : { spec: hash, since: at } };
}
