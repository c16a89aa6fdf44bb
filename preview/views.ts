import { previewCost } from './cost.ts';
import type { PreviewRow } from './record.ts';
import type { ContainerView, PreviewView, Receipt, ResourceView, SpecView } from './view.ts';

/** The traces of a record as lines of its receipt, in the order in which they were created. */
export function viewResources(row: PreviewRow): ResourceView[] {
  return Object.entries(row.status.resources)
    .map(([key, trace]) => {
      const at = key.indexOf('#');
      return {
        kind: key.slice(0, at),
        name: key.slice(at + 1),
        created_at: trace.created_at ?? null,
        deleted_at: trace.deleted_at ?? null,
        absent_at: trace.absent_at ?? null,
      };
    })
    .toSorted(
      (a, b) => (a.created_at ?? '~').localeCompare(b.created_at ?? '~') || a.kind.localeCompare(b.kind),
    );
}

/** Counts what was created, what of it is proven gone, and what is not: intended but unproven counts as left. */
export function receiptOf(resources: readonly ResourceView[]): Receipt {
  const created = resources.filter(({ created_at }) => created_at !== null);
  return {
    created: created.length,
    deleted: created.filter(({ absent_at }) => absent_at !== null).length,
    left_over: resources.filter(({ absent_at }) => absent_at === null).length,
  };
}

function fieldsOf(stored: unknown): object {
  return stored !== null && typeof stored === 'object' && !Array.isArray(stored) ? stored : {};
}

/** An operator may have stored anything here; only a map has fields to show, and names of variables. */
function viewSpec(stored: unknown): SpecView {
  const { containers, ...spec } = withEnvNames(stored) as SpecView;
  if (containers === undefined) return spec;
  return {
    ...spec,
    containers: Array.isArray(containers) ? containers.map((one) => withEnvNames(one) as ContainerView) : [],
  };
}

function withEnvNames(stored: unknown): object {
  const { env, ...fields } = fieldsOf(stored) as { env?: unknown };
  return { ...fields, env: Object.keys(fieldsOf(env)) };
}

/** A record as its users see it: no environment values, no bookkeeping of the controller. */
export function viewPreview(row: PreviewRow, now: Date, queue_position?: number): PreviewView {
  const resources = viewResources(row);
  const urls = row.status.urls ?? [];
  return {
    id: row.id,
    preview_id: row.preview_id,
    name: row.name ?? null,
    owner: row.owner,
    labels: row.labels,
    phase: row.phase,
    queue_position: queue_position ?? null,
    preview_url: urls[0] ?? '',
    urls,
    ttl_hours: row.ttl_hours,
    created_at: row.created_at,
    expires_at: row.expires_at,
    ready_at: row.status.ready_at ?? null,
    deleted_at: row.status.deleted_at ?? null,
    deletion: row.deletion ?? null,
    spec: viewSpec(row.spec),
    conditions: row.status.conditions,
    last_error: row.status.last_error ?? null,
    resources,
    receipt: receiptOf(resources),
    cost: previewCost(row, now),
  };
}
