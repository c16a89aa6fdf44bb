import * as z from 'zod';
import { createDatabase } from '../aws/database.ts';
import { parseConfig, processEnv } from '../platform/config.ts';
import { createLog, type Log, LOG_LEVELS } from '../platform/log.ts';
import { idOfName, resourceName } from '../preview/names.ts';
import { markOf } from '../preview/observation.ts';
import { PreviewStore } from '../preview/store.ts';

/** What moves a rollout on: its end, and that ECS has no place for a task. How it goes meanwhile is worth no write. */
export const SERVICE_EVENTS = [
  'SERVICE_DEPLOYMENT_COMPLETED',
  'SERVICE_DEPLOYMENT_FAILED',
  'SERVICE_TASK_PLACEMENT_FAILURE',
] as const;
const SERVICE_DETAIL_TYPES = ['ECS Deployment State Change', 'ECS Service Action'] as const;
const TASK_DETAIL_TYPE = 'ECS Task State Change';
const TASK_GROUP = `service:${resourceName('')}`;

/**
 * The pattern of the EventBridge rule that invokes this function. Deployment events do not carry the cluster, so services
 * are matched by their ARN, and tasks by the cluster and the group of their service.
 */
export function eventPattern(place: { region: string; account: string; cluster: string }): object {
  const arn = `arn:aws:ecs:${place.region}:${place.account}:`;
  return {
    source: ['aws.ecs'],
    $or: [
      {
        'detail-type': SERVICE_DETAIL_TYPES,
        resources: [{ prefix: `${arn}service/${place.cluster}/${resourceName('')}` }],
        detail: { eventName: SERVICE_EVENTS },
      },
      {
        'detail-type': [TASK_DETAIL_TYPE],
        detail: {
          clusterArn: [`${arn}cluster/${place.cluster}`],
          group: [{ prefix: TASK_GROUP }],
          lastStatus: ['STOPPED'],
        },
      },
    ],
  };
}

const envelope = { id: z.string(), time: z.string(), source: z.literal('aws.ecs') };
const ecsEvent = z.discriminatedUnion('detail-type', [
  z.object({
    ...envelope,
    'detail-type': z.enum(SERVICE_DETAIL_TYPES),
    resources: z.tuple([z.string()]).rest(z.string()),
    detail: z.object({ eventName: z.string() }),
  }),
  z.object({
    ...envelope,
    'detail-type': z.literal(TASK_DETAIL_TYPE),
    // A task that nobody's service has started may have no group.
    detail: z.object({ clusterArn: z.string(), group: z.string().default(''), lastStatus: z.string() }),
  }),
]);
type EcsEvent = z.output<typeof ecsEvent>;

export interface ObserveDeps {
  store: PreviewStore;
  /** The cluster of the install; what happens in others is not its business. */
  cluster: string;
  log: Log;
}

/**
 * What became of an event. `nothing new`: it came twice, or after a newer one, or no preview of that id can be looked at
 * any more. `ignored`: it is not about a preview, or says nothing that a pass waits for.
 */
export type Observed = 'observed' | 'nothing new' | 'ignored' | 'malformed';

/**
 * Wakes the controller where ECS tells of a preview: marks its record with the event. Safe to run twice, late and out of
 * order, and never brings a record into being. An event that is none is logged and let go, for it would be no better
 * the next time; a table that does not answer fails the run, and the event comes again.
 */
export async function observe(event: unknown, { store, cluster, log }: ObserveDeps): Promise<Observed> {
  const parsed = ecsEvent.safeParse(event);
  const mark = parsed.success ? markOf(parsed.data) : undefined;
  if (!parsed.success || mark === undefined) {
    log.warn({ problem: parsed.error ? z.prettifyError(parsed.error) : 'id or time' }, 'refused event');
    return 'malformed';
  }
  const { id: event_id, 'detail-type': detail_type } = parsed.data;
  const id = previewOf(parsed.data, cluster);
  const outcome = id === undefined ? 'ignored' : await store.observe(id, mark);
  log.debug({ event_id, detail_type, id, outcome }, 'took event');
  return outcome;
}

/** The preview that the event is worth a look at; undefined where there is none. */
function previewOf(event: EcsEvent, cluster: string): string | undefined {
  if (event['detail-type'] === TASK_DETAIL_TYPE) {
    const { clusterArn, group, lastStatus } = event.detail;
    if (lastStatus !== 'STOPPED' || !clusterArn.endsWith(`:cluster/${cluster}`)) return undefined;
    return group.startsWith('service:') ? idOfName(group.slice('service:'.length)) : undefined;
  }
  if (!SERVICE_EVENTS.some((name) => name === event.detail.eventName)) return undefined;
  const [kind, where, name = ''] = event.resources[0].split(':').at(-1)?.split('/') ?? [];
  return kind === 'service' && where === cluster ? idOfName(name) : undefined;
}

/** Settings of the function, as Terraform gives them to it. */
export const configSchema = z.object({
  AWS_REGION: z.string(),
  TEMPUS_TABLE_PREVIEWS: z.string().default('tempus-previews'),
  TEMPUS_CLUSTER: z.string(),
  TEMPUS_AWS_ENDPOINT: z.url().optional(),
  TEMPUS_LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
});

let deps: ObserveDeps | undefined;

/** Entry point on AWS. Clients are made once per execution environment and reused by warm runs. */
export function handler(event: unknown): Promise<Observed> {
  deps ??= compose();
  return observe(event, deps);
}

function compose(): ObserveDeps {
  const config = parseConfig(configSchema, processEnv());
  const { document } = createDatabase({ region: config.AWS_REGION, endpoint: config.TEMPUS_AWS_ENDPOINT });
  return {
    store: new PreviewStore({ client: document, table: config.TEMPUS_TABLE_PREVIEWS }),
    cluster: config.TEMPUS_CLUSTER,
    log: createLog(config.TEMPUS_LOG_LEVEL),
  };
}
