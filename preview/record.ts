import type { Spec } from './spec.ts';

/** Where a preview is in its life. Nothing leaves Deleting but Deleted. */
export const PHASES = [
  'Pending',
  'Provisioning',
  'Ready',
  'Updating',
  'Degraded',
  'Failed',
  'Deleting',
  'Deleted',
] as const;
export type Phase = (typeof PHASES)[number];

export const CONDITION_TYPES = ['SpecAccepted', 'Admitted', 'RouteReady', 'ServiceReady', 'Ready'] as const;
export type ConditionType = (typeof CONDITION_TYPES)[number];

/** One fact about a preview, for machines. `reason` is CamelCase and stable; `message` is for people. */
export interface Condition {
  type: ConditionType;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
  /** When `status` last changed: canonical UTC seconds. */
  last_transition_at: string;
}

/** The life of one AWS resource, the line of the receipt. All times are canonical UTC seconds. */
export interface ResourceTrace {
  /** Absent while the creation is only intended. */
  created_at?: string;
  deleted_at?: string;
  /** Seen absent, twice where AWS is eventually consistent. */
  absent_at?: string;
}

export interface Deletion {
  requested_at: string;
  /** Expired | Requested | OperatorRequested */
  reason: string;
  by: string;
}

export interface LastError {
  reason: string;
  message: string;
  at: string;
  /** The last lines that the preview itself wrote. */
  logs: string[];
}

/** The desired state that was last accepted: what keeps being served, and what rules expiry, after a bad edit. */
export interface Accepted {
  spec: Spec;
  ttl_hours: number;
  expires_at: string;
}

/** What the controller has seen and done. Nobody else writes it. */
export interface Status {
  /** Rises with every controller write; a write is conditioned on the value it read. */
  rev: number;
  /** Hash of the spec that AWS runs completely; Ready requires it to equal the hash of `spec`. */
  observed_spec?: string;
  accepted?: Accepted;
  /** The spec that was last Ready: what a rejected update falls back to. */
  served_spec?: Spec;
  /** The rollout under way, and since when: what the progress deadline is measured from. */
  rollout?: { spec: string; since: string };
  /** Hash of the spec that was rejected by the circuit breaker or by the progress deadline. */
  failed_spec?: string;
  /** `nudge` as it was when `failed_spec` was set: another value asks for another try. */
  failed_nudge?: string;
  /** When it was rejected: what time alone can cure is tried again every few minutes. */
  failed_at?: string;
  conditions: Condition[];
  /** `others`: the slots of further public containers, by the suffix of their address. */
  slot?: { alb: string; n: number; others?: Record<string, number> };
  url?: string;
  urls?: string[];
  /** Keyed `kind#name`. */
  resources: Record<string, ResourceTrace>;
  last_error?: LastError;
  ready_at?: string;
  deleted_at?: string;
}

/**
 * One incarnation of a preview, as stored in the previews table. `spec`, `ttl_hours` and `expires_at` are desired
 * state and may be edited by operators at any time, so a reader treats them as unchecked until it has parsed them.
 */
export interface PreviewRow {
  /** The first 8 hex digits of preview_id: key, DNS label and resource names. */
  id: string;
  preview_id: string;
  name?: string;
  owner: string;
  labels: Record<string, string>;
  source: Record<string, string>;
  created_at: string;
  spec: Spec;
  ttl_hours: number;
  /** Canonical UTC seconds; range key of the live index. It alone decides when the preview ends. */
  expires_at: string;
  phase: Phase;
  deletion?: Deletion;
  nudge?: string;
  /** The newest event of AWS about this preview: lambda/observe's word that it is worth a look. See preview/observation.ts. */
  observed_event?: string;
  status: Status;
  /** Present while the preview is not Deleted: hash key of the sparse live index. */
  live?: 'live';
  /** DynamoDB TTL of the tombstone, epoch seconds. */
  purge_at?: number;
}

export const PREVIEW_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
export const SHORT_ID = /^[0-9a-f]{8}$/;

export function shortId(previewId: string): string {
  return previewId.slice(0, 8);
}
