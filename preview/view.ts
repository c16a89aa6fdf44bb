import type { Condition, Deletion, LastError, Phase } from './record.ts';
import type { Container } from './containers.ts';
import type { SingleSpec } from './spec.ts';

/** One line of a receipt: a resource of the preview and what became of it. */
export interface ResourceView {
  kind: string;
  name: string;
  created_at: string | null;
  deleted_at: string | null;
  absent_at: string | null;
}

/** Created, deleted and left over, counted from the traces: the proof that a preview is gone. */
export interface Receipt {
  created: number;
  deleted: number;
  left_over: number;
}

/** An estimate from public Fargate and IPv4 prices, in USD; not a bill. */
export interface CostView {
  currency: 'USD';
  per_hour: number;
  so_far: number;
  projected: number;
  /** Where the prices come from, and their date. */
  source: string;
}

/** A container as its users see it: the names of its environment variables, not their values. */
export type ContainerView = Omit<Container, 'env'> & { env: string[] };

/** The desired state as its users see it, in the form in which it is stored: one container's fields, or `containers`. */
export type SpecView = Pick<SingleSpec, 'cpu' | 'memory'> &
  Partial<Omit<SingleSpec, 'env' | 'cpu' | 'memory'>> & { env: string[]; containers?: ContainerView[] };

/** What `GET /preview/:id` answers: a preview as its users see it. Times are canonical UTC seconds. */
export interface PreviewView {
  id: string;
  preview_id: string;
  name: string | null;
  owner: string;
  labels: Record<string, string>;
  phase: Phase;
  /** Where it stands among those that wait for a slot, from 1; null when it does not wait. */
  queue_position: number | null;
  preview_url: string;
  /** Every address of the preview; `preview_url` is the first. */
  urls: string[];
  ttl_hours: number;
  created_at: string;
  expires_at: string;
  ready_at: string | null;
  deleted_at: string | null;
  deletion: Deletion | null;
  /** The names of the environment variables are shown, their values are not. */
  spec: SpecView;
  conditions: Condition[];
  last_error: LastError | null;
  resources: ResourceView[];
  receipt: Receipt;
  cost: CostView;
}
