import type { Plan, PlannedFault } from './plan.ts';
import { planOf } from './plan.ts';
import { draw } from './swarm.ts';
import type { Outcome } from './trial.ts';

type Run = (plan: Plan) => Promise<Outcome>;

/** One thing that a plan could do without. */
type Part = { fault: PlannedFault } | { step: number } | { ambient: number };

const MOST_RUNS = 400;

/** The smallest plan that was found to break the same invariant as `plan` does. */
export async function shrink(plan: Plan, run: Run): Promise<Plan> {
  const first = await run(plan);
  const invariant = first.violation?.invariant;
  if (invariant === undefined) return plan;
  let runs = 0;
  const breaks = async (parts: readonly Part[]) => {
    runs += 1;
    if (runs > MOST_RUNS) return false;
    return (await run(assemble(plan, parts))).violation?.invariant === invariant;
  };
  const all = partsOf(plan, first);
  // Faults that are listed may fire where those that were drawn did not: then the plan stays as it is.
  if (!(await breaks(all))) return plan;
  const fewer = await reduce(all, breaks);
  return assemble(plan, await shorten(fewer, breaks));
}

function partsOf(plan: Plan, { fired }: Outcome): Part[] {
  const faults = (plan.faults ?? planOf(fired)).map((fault) => ({ fault }));
  if (!('seed' in plan)) return faults;
  const { steps, ambient } = draw(plan.seed);
  return [
    ...(plan.ambient ?? ambient.map((_, n) => n)).map((n) => ({ ambient: n })),
    ...(plan.steps ?? steps.map((_, n) => n)).map((n) => ({ step: n })),
    ...faults,
  ];
}

function assemble(plan: Plan, parts: readonly Part[]): Plan {
  const faults = parts.flatMap((part) => ('fault' in part ? [part.fault] : []));
  if (!('seed' in plan)) return { ...plan, faults };
  return {
    seed: plan.seed,
    faults,
    steps: parts.flatMap((part) => ('step' in part ? [part.step] : [])),
    ambient: parts.flatMap((part) => ('ambient' in part ? [part.ambient] : [])),
    ...(plan.observe === undefined ? {} : { observe: plan.observe }),
  };
}

/** Delta debugging (Zeller, 2002), by complements: leaves out ever smaller pieces for as long as it still breaks. */
async function reduce(parts: Part[], breaks: (parts: readonly Part[]) => Promise<boolean>): Promise<Part[]> {
  let left = parts;
  for (let size = Math.ceil(left.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < left.length;) {
      const without = [...left.slice(0, at), ...left.slice(at + size)];
      if (await breaks(without)) left = without;
      else at += size;
    }
  }
  return left;
}

/** Halves how long each fault lasts for as long as it still breaks. */
async function shorten(parts: Part[], breaks: (parts: readonly Part[]) => Promise<boolean>): Promise<Part[]> {
  const left = [...parts];
  for (const [n, part] of parts.entries()) {
    if (!('fault' in part)) continue;
    const [key, mode] = part.fault;
    let ms = part.fault[2];
    while (ms !== undefined && ms > 2_000) {
      const half = Math.round(ms / 2);
      const shorter: Part = { fault: [key, mode, half] };
      if (!(await breaks(left.with(n, shorter)))) break;
      left[n] = shorter;
      ms = half;
    }
  }
  return left;
}
