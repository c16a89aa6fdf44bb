import * as z from 'zod';
import { createDocument } from 'zod-openapi';
import { AUTHORS, EVENT_TYPES } from '../preview/event-facts.ts';
import { CONDITION_TYPES, PHASES } from '../preview/record.ts';
import { ARCHES, CAPACITIES } from '../preview/spec-fields.ts';
import { SCOPES } from '../preview/tokens.ts';
import { TOKEN_KINDS } from '../preview/token-text.ts';
import type { ApiConfig } from './config.ts';
import { createSchema } from './create-request.ts';
import { sweepSchema } from './sweep-routes.ts';
import { tokenSchema } from './token-routes.ts';

const instant = z.string().meta({ description: 'UTC, whole seconds', example: '2026-01-31T18:00:00Z' });

const preview = z
  .object({
    id: z.string().meta({ example: '550e8400' }),
    preview_id: z.uuid(),
    name: z.string().nullable(),
    owner: z.string(),
    labels: z.record(z.string(), z.string()),
    phase: z.enum(PHASES),
    queue_position: z.int().nullable().meta({ description: 'from 1, while it waits for a slot' }),
    preview_url: z.url(),
    urls: z.array(z.url()),
    ttl_hours: z.number(),
    created_at: instant,
    expires_at: instant,
    ready_at: instant.nullable(),
    deleted_at: instant.nullable(),
    deletion: z.object({ requested_at: instant, reason: z.string(), by: z.string() }).nullable(),
    spec: z
      .looseObject({
        image: z.string(),
        port: z.number(),
        arch: z.enum(ARCHES),
        capacity: z.enum(CAPACITIES),
        env: z.array(z.string()),
        containers: z.array(z.looseObject({ name: z.string(), image: z.string() })),
      })
      .partial(),
    conditions: z.array(
      z.object({
        type: z.enum(CONDITION_TYPES),
        status: z.enum(['True', 'False', 'Unknown']),
        reason: z.string(),
        message: z.string(),
        last_transition_at: instant,
      }),
    ),
    last_error: z
      .object({ reason: z.string(), message: z.string(), at: instant, logs: z.array(z.string()) })
      .nullable(),
    resources: z.array(
      z.object({
        kind: z.string(),
        name: z.string(),
        created_at: instant.nullable(),
        deleted_at: instant.nullable(),
        absent_at: instant.nullable(),
      }),
    ),
    receipt: z.object({ created: z.int(), deleted: z.int(), left_over: z.int() }),
    cost: z.object({
      currency: z.literal('USD'),
      per_hour: z.number(),
      so_far: z.number(),
      projected: z.number(),
      source: z.string(),
    }),
  })
  .meta({ id: 'Preview' });

const event = z
  .object({
    preview_id: z.uuid(),
    sequence: z.string().meta({ description: 'sorts as text in the order of the changes; a cursor' }),
    at: instant,
    type: z.enum(EVENT_TYPES),
    message: z.string(),
    by: z.enum(AUTHORS),
    changes: z
      .array(z.object({ path: z.string(), from: z.string().optional(), to: z.string().optional() }))
      .optional(),
  })
  .meta({ id: 'Event' });

const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string(),
    code: z.string(),
    request_id: z.string().optional(),
    retryable: z.boolean(),
    hint: z.string().optional(),
    errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
  })
  .meta({ id: 'Problem' });

const moment = z.string().meta({ description: 'ISO 8601', example: '2026-01-31T18:00:00.000Z' });

const orphan = z.object({
  kind: z.string(),
  name: z.string(),
  id: z.string(),
  reason: z.string(),
  first_seen_at: instant,
  held_by: z.string().optional(),
});

const sweepReport = z
  .object({
    at: instant,
    orphans: z.array(orphan),
    deleted: z.array(orphan),
    kept: z.array(orphan),
    aborted: z.string().nullable(),
    breaker: z.object({ previews: z.int(), allowed: z.int() }).nullable(),
    request_id: z.string().nullable(),
    left_out: z.int().optional(),
  })
  .meta({ id: 'SweepReport' });

const sweepAsked = z.object({
  request_id: z.string(),
  max: z.int(),
  requested_at: instant,
  by: z.string(),
  used_at: instant.nullable(),
  open: z.boolean(),
});

const system = z
  .object({
    version: z.string(),
    caller: z
      .object({ owner: z.string(), scope: z.enum(SCOPES) })
      .meta({ description: 'who asks, and what he may' }),
    controller: z
      .object({
        leader: z.string(),
        age_s: z.int(),
        stale: z.boolean(),
        version: z.string(),
        became_leader_at: moment,
        at: moment,
        queue_depth: z.int(),
        stream_lag_s: z.number().nullable(),
        last_full_list_at: moment.nullable(),
        last_sweep_at: moment.nullable(),
      })
      .nullable(),
    sweep: sweepReport.nullable(),
  })
  .meta({ id: 'System' });

const token = z
  .object({
    id: z.string(),
    kind: z.enum(TOKEN_KINDS),
    owner: z.string(),
    scope: z.enum(SCOPES),
    created_at: instant,
    created_by: z.string(),
    expires_at: instant,
    token: z.string().meta({ description: 'shown this once', example: 'tmp_ci_…' }),
  })
  .meta({ id: 'Token' });

const json = (schema: z.ZodType, description: string) => ({
  description,
  content: { 'application/json': { schema } },
});
const refused = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: problem } },
});

const id = z.string().meta({ description: 'UUID, or its first 8 hex digits', example: '550e8400' });
const unknown = { '404': refused('no such preview') };

/** The API as OpenAPI 3.1, from the very schemas that check its requests. */
export function openapi(config: ApiConfig): object {
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Tempus',
      version: config.version,
      description: 'Preview environments that always go away.',
    },
    // Laptop mode asks nobody; everywhere else each request but /health needs a token.
    ...(config.auth === 'none' ? {} : { security: [{ bearer: [] }] }),
    components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'tmp_…' } } },
    paths: {
      '/preview/create': {
        post: {
          summary: 'Ask for a preview',
          requestParams: { header: z.object({ 'idempotency-key': z.string().max(64).optional() }) },
          requestBody: { required: true, content: { 'application/json': { schema: createSchema(config) } } },
          responses: {
            '202': json(preview, 'accepted; poll it'),
            '400': refused('not JSON'),
            '413': refused('larger than 64 kB'),
            '415': refused('not application/json'),
            '422': refused('a field is wrong; errors[] points at it'),
          },
        },
      },
      '/preview/{id}': {
        get: {
          summary: 'One preview',
          requestParams: { path: z.object({ id }) },
          responses: { '200': json(preview, 'as it is now'), ...unknown },
        },
        delete: {
          summary: 'Destroy a preview; as often as you like',
          requestParams: { path: z.object({ id }) },
          responses: { '202': json(preview, 'being destroyed, or gone with its receipt'), ...unknown },
        },
      },
      '/preview/{id}/retry': {
        post: {
          summary: 'Try again what has failed, without changing it',
          requestParams: { path: z.object({ id }) },
          responses: {
            '202': json(preview, 'it will be tried'),
            '409': refused('it is being destroyed, or gone'),
            ...unknown,
          },
        },
      },
      '/previews': {
        get: {
          summary: 'Everything that is not Deleted, newest first',
          requestParams: {
            query: z.object({ phase: z.enum(PHASES).optional(), label: z.array(z.string()).optional() }),
          },
          responses: {
            '200': json(
              z.object({ items: z.array(preview), next_cursor: z.string().nullable() }),
              'the list',
            ),
          },
        },
      },
      '/preview/{id}/logs': {
        get: {
          summary: 'What a preview wrote',
          requestParams: {
            path: z.object({ id }),
            query: z.object({
              tail: z.int().min(0).optional(),
              since: z.string().optional(),
              follow: z.enum(['true', 'false']).optional(),
            }),
          },
          responses: {
            '200': { description: 'lines', content: { 'text/plain': { schema: z.string() } } },
            ...unknown,
          },
        },
      },
      '/preview/{id}/events': {
        get: {
          summary:
            'What has happened to a preview; as server-sent events, until it is Deleted, where those are accepted',
          requestParams: {
            path: z.object({ id }),
            query: z.object({
              limit: z.int().min(1).max(500).optional(),
              cursor: z.string().optional(),
              order: z.enum(['oldest', 'newest']).optional(),
            }),
            header: z.object({ 'last-event-id': z.string().optional() }),
          },
          responses: {
            '200': json(
              z.object({ items: z.array(event), next_cursor: z.string().nullable() }),
              'a page; empty while the controller has not read the change yet',
            ),
            '204': { description: 'followed, and nothing comes after Last-Event-ID or cursor' },
            '422': refused('?limit, ?cursor or ?order is wrong'),
            ...unknown,
          },
        },
      },
      '/system': {
        get: {
          summary: 'How Tempus itself is doing, as its controller last wrote it down',
          responses: { '200': json(system, 'controller is null before the first heartbeat') },
        },
      },
      '/system/sweep': {
        get: {
          summary: 'What the last sweep found left over, and the last request for one',
          responses: {
            '200': json(
              z.object({ report: sweepReport.nullable(), request: sweepAsked.nullable() }),
              'null before there is one',
            ),
          },
        },
        post: {
          summary: 'Let one sweep take up to so many previews, although its breaker has stopped it',
          requestBody: { required: true, content: { 'application/json': { schema: sweepSchema } } },
          responses: {
            '202': json(sweepAsked, 'the next sweep that needs it uses it; it replaces one that is open'),
            '415': refused('not application/json'),
            '422': refused('a field is wrong; errors[] points at it'),
          },
        },
      },
      '/tokens': {
        post: {
          summary: 'Make a token for somebody, or for CI',
          requestBody: { required: true, content: { 'application/json': { schema: tokenSchema } } },
          responses: {
            '201': json(token, 'the token, which nobody can read again'),
            '415': refused('not application/json'),
            '422': refused('a field is wrong; errors[] points at it'),
          },
        },
      },
      '/tokens/{id}': {
        delete: {
          summary: 'Revoke a token; within 30 s it lets nobody in',
          requestParams: { path: z.object({ id: z.string() }) },
          responses: { '204': { description: 'revoked' }, '404': refused('no such token') },
        },
      },
      '/health': {
        get: {
          security: [],
          summary: 'Whether the API is up; touches nothing else',
          responses: { '200': json(z.object({ status: z.literal('ok'), version: z.string() }), 'up') },
        },
      },
    },
  });
}
