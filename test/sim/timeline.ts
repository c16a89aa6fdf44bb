import type { PreviewRow } from '../../preview/record.ts';
import { findCondition } from '../../preview/conditions.ts';
import type { Plan } from './plan.ts';
import { runPlan } from './run.ts';
import { watchWorlds } from './world.ts';

const LINES = 60;

/** What happened in a run, a line for each fault and each change of a record; the last ones of a long story. */
export async function timeline(plan: Plan): Promise<string[]> {
  const lines: { at: number; text: string }[] = [];
  const unwatch = watchWorlds((world) => {
    world.database.onChange(({ table, after }) => {
      if (table !== 'tempus-previews' || !after) return;
      const row = after as unknown as PreviewRow;
      const ready = findCondition(row.status?.conditions ?? [], 'Ready');
      const text = `${world.writer} wrote ${row.id}: ${row.phase}, Ready=${ready?.status}/${ready?.reason}, rev ${row.status?.rev}, until ${row.expires_at}`;
      lines.push({ at: world.time.ms, text });
    });
  });
  try {
    const { fired } = await runPlan(plan);
    for (const { at, key, mode, ms } of fired) {
      lines.push({ at, text: `${key}: ${mode}${ms === undefined ? '' : ` ${ms} ms`}` });
    }
  } finally {
    unwatch();
  }
  const sorted = lines.toSorted((a, b) => a.at - b.at);
  return sorted.slice(-LINES).map(({ at, text }) => `${(at / 1000).toFixed(1).padStart(8)} s  ${text}`);
}
