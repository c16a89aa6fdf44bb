/** A while on the monotonic clock of the process that measures, in milliseconds. */
export interface Span {
  from: number;
  to: number;
}

/** What AWS does by itself on the way of a preview to Ready, each after the one before. */
export type Stage =
  | 'stream_record'
  | 'first_task'
  | 'network_interface'
  | 'image_pull'
  | 'first_check'
  | 'steady_state'
  | 'event'
  | 'mark_record'
  | 'rule_live';

/** One call to AWS as its endpoint saw it. */
export interface Call extends Span {
  service: string;
  operation: string;
  /** What it asks about: equal for two calls that ask the same. */
  subject: string;
  ok: boolean;
  /** Of all previews of a load balancer, such as the list of its rules: which preview waited for it, the wire does not say. */
  shared: boolean;
}

/** Everything between the request for a preview and the answer to the write that made it Ready. */
export interface Timeline extends Span {
  id: string;
  stages: readonly (Span & { stage: Stage })[];
  /** In the order in which they began. */
  calls: readonly Call[];
}
