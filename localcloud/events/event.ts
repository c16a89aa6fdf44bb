/** An event as EventBridge hands it to a target. */
export interface CloudEvent {
  version: '0';
  /** The same for every delivery of one event. */
  id: string;
  'detail-type': string;
  source: string;
  account: string;
  time: string;
  region: string;
  resources: string[];
  detail: Readonly<Record<string, unknown>>;
}

/** What a service says has happened. */
export type Happening = Pick<CloudEvent, 'detail-type' | 'source' | 'resources' | 'detail'>;
