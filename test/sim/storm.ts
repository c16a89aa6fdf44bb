import { type FaultSource, noFaults } from './faults.ts';
import { Human } from './human.ts';
import { converge, USUAL } from './trial.ts';
import { World } from './world.ts';

const MINUTE = 60_000;
const PREVIEWS = 8;
const AWS = /\/(ecs|elbv2|scheduler)\./;

export interface Storm {
  /** Calls to AWS without a fault, and with all of AWS throttling for ten minutes from the third second on. */
  calm: number;
  stormy: number;
}

/** The whole lives of eight previews, calm and in a storm: how many calls it takes to get through. */
export async function storm(): Promise<Storm> {
  return { calm: await callsOf(() => false), stormy: await callsOf((ms) => ms > 3_000 && ms < 10 * MINUTE) };
}

async function callsOf(isStormy: (ms: number) => boolean): Promise<number> {
  const faults: { source: FaultSource } = { source: noFaults };
  const world = await World.create({
    ...USUAL,
    seed: 'storm',
    faults: { decide: (call) => faults.source.decide(call) },
    staleReads: false,
  });
  faults.source = {
    decide: ({ name }) => (AWS.test(name) && isStormy(world.time.ms) ? { mode: 'throttle' } : undefined),
  };
  const human = new Human(world);
  let told = false;
  const live = async () => {
    const ids: string[] = [];
    for (let n = 0; n < PREVIEWS; n += 1) ids.push(await human.create());
    for (const id of ids) await human.until(() => human.phase(id) === 'Ready', 60 * MINUTE);
    for (const id of ids) await human.remove(id);
    told = true;
  };
  void live();
  await world.run(180 * MINUTE, () => told);
  await converge(world);
  const [violation] = world.safety.violations;
  if (violation)
    throw new Error(`${violation.invariant}: ${violation.message} ${JSON.stringify(violation.detail)}`);
  return [...world.calls.counts].reduce((sum, [name, n]) => (AWS.test(name) ? sum + n : sum), 0);
}
