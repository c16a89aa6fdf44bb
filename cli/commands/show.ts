import type { Command } from 'commander';
import { receiptLine } from '../../preview/receipt.ts';
import type { PreviewView, SpecView } from '../../preview/view.ts';
import { type Context, resolveId, show } from '../context.ts';
import { formatTable } from '../table.ts';

export function addShow(program: Command, context: () => Context): void {
  program
    .command('show')
    .description('one preview: phase, conditions with reasons, resources, cost')
    .argument('<id>', 'id, UUID or name')
    .addHelpText('after', '\nExamples:\n  tempus show 550e8400\n  tempus show pr-12 -o json')
    .action(async (id: string) => {
      const own = context();
      const view = await own.client.get(await resolveId(id, own));
      show(view, own, () => describe(view).forEach(own.out));
    });
}

function programOf({ image, command }: Pick<SpecView, 'image' | 'command'>): string | null {
  return command?.join(' ') ?? image ?? null;
}

/** What runs: a line for each container. */
function runs({ containers, ...only }: SpecView): [string, string | null][] {
  if (!containers) return [['Runs', programOf(only)]];
  return containers.map((one) => ['Runs', `${one.name}: ${programOf(one)}`]);
}

/** What it costs by. An operator may have stored anything: what is not there is left out. */
function sizeOf({ cpu, memory, arch, capacity }: SpecView): string | null {
  const parts = [cpu && `${cpu} CPU units`, memory && `${memory} MiB`, arch, capacity];
  return parts.filter(Boolean).join(', ') || null;
}

function describe(view: PreviewView): string[] {
  const { spec, last_error, cost } = view;
  const facts: [string, string | null][] = [
    ['Preview', `${view.preview_id}${view.name ? ` (${view.name})` : ''}`],
    ['Phase', view.phase],
    ['Queue', view.queue_position === null ? null : `waits for a slot, ${view.queue_position} in the queue`],
    ['URL', view.urls.join('  ')],
    ...runs(spec),
    ['Folder', spec.workdir ?? null],
    ['Size', sizeOf(spec)],
    ['Created', view.created_at],
    ['Ready', view.ready_at],
    ['Expires', view.expires_at],
    ['Deleted', view.deleted_at],
    ['Cost', `$${cost.so_far.toFixed(4)} so far, $${cost.projected.toFixed(4)} by its end (${cost.source})`],
  ];
  const width = Math.max(...facts.map(([label]) => label.length));
  const conditions = view.conditions.map(({ type, status, reason, message, last_transition_at }) => [
    type,
    status,
    reason,
    last_transition_at,
    message,
  ]);
  const resources = view.resources.map(({ kind, name, created_at, absent_at }) => [
    kind,
    name,
    created_at ?? 'intended',
    absent_at ?? '',
  ]);
  return [
    ...facts.flatMap(([label, value]) => (value === null ? [] : [`${label.padEnd(width)}  ${value}`])),
    '',
    ...formatTable(['CONDITION', 'STATUS', 'REASON', 'SINCE', 'MESSAGE'], conditions),
    '',
    ...formatTable(['RESOURCE', 'NAME', 'CREATED', 'SEEN ABSENT'], resources),
    ...(last_error ? ['', `Last error: ${last_error.reason}: ${last_error.message}`] : []),
    ...(last_error?.logs ?? []).map((line) => `  | ${line}`),
    ...(view.phase === 'Deleted' ? ['', `Receipt: ${receiptLine(view)}`] : []),
  ];
}
