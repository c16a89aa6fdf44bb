import type { Command } from 'commander';
import type { PreviewView } from '../../preview/view.ts';
import type { Context } from '../context.ts';
import { formatSpan } from '../../platform/span.ts';
import { formatTable } from '../table.ts';
import { pair } from '../arguments.ts';

const HEADER = ['ID', 'NAME', 'PHASE', 'FOR', 'EXPIRES IN', 'COST', 'PROJ', 'URL'];

export function addLs(program: Command, context: () => Context): void {
  program
    .command('ls')
    .description('list the previews that live')
    .option('--phase <phase>', 'only those in this phase')
    .option('--label <key=value>', 'only those with this label; repeat it for more', pair)
    .addHelpText(
      'after',
      '\nExamples:\n  tempus ls --phase Failed\n  tempus ls -o json | jq -r ".[].preview_url"',
    )
    .action(async ({ phase, label }: { phase?: string; label?: Record<string, string> }) => {
      const { client, clock, format, out } = context();
      const filter = { ...(phase === undefined ? {} : { phase }), ...(label ? { labels: label } : {}) };
      const views = await client.list(filter);
      if (format === 'json') return out(JSON.stringify(views, undefined, 2));
      if (format === 'table')
        return formatTable(
          HEADER,
          views.map((view) => rowOf(view, clock.now())),
        ).forEach(out);
      for (const view of views) out(format === 'id' ? view.id : view.preview_url);
    });
}

/** FOR is the time in the current state: a preview that is stuck is seen by it, its age tells nothing. */
function rowOf(view: PreviewView, now: Date): string[] {
  const ready = view.conditions.find(({ type }) => type === 'Ready');
  const since = Date.parse(ready?.last_transition_at ?? view.created_at);
  return [
    view.id,
    view.name ?? '',
    view.phase,
    formatSpan(now.getTime() - since),
    formatSpan(Date.parse(view.expires_at) - now.getTime()),
    `$${view.cost.so_far.toFixed(2)}`,
    `$${view.cost.projected.toFixed(2)}`,
    whereTo(view, ready?.reason),
  ];
}

/** The URL of what has one to offer, else what there is to know instead. */
function whereTo({ id, phase, queue_position, preview_url }: PreviewView, reason = ''): string {
  if (queue_position !== null) return `${reason}, ${queue_position} in the queue`;
  return phase === 'Failed' ? `${reason} → tempus show ${id}` : preview_url;
}
