import type { SlotTable } from '../preview/coordination.ts';
import type { ReconcilerConfig } from './config.ts';
import {
  type InventoryPorts,
  listStanding,
  type Proof,
  proveElbv2,
  proveFamily,
  proveServices,
  type Standing,
} from './inventory.ts';
import { type Accounted, judgeStrays, needsProof, standingKey, type Stray } from './orphans.ts';
import type { ReconcilerDeps } from './pass.ts';

export type StrayDeps = Pick<ReconcilerDeps, 'ports' | 'config' | 'store' | 'coordination'>;

export interface ProofDeps {
  ports: InventoryPorts;
  config: ReconcilerConfig;
}

/** AWS first, the records second: what is born in between is in the records and never looks like an orphan. */
export async function findStrays(deps: StrayDeps): Promise<{ strays: Stray[]; known: number }> {
  const { ports, config, store, coordination } = deps;
  const standing = await listStanding(ports, config);
  const slots = new Map<string, SlotTable>();
  for (const { name } of config.albs) slots.set(name, await coordination.readSlots(name));
  const accounted: Accounted = { rows: await Array.fromAsync(store.live()), slots };
  const proofs = await prove(needsProof(standing, accounted), deps);
  const strays = judgeStrays(standing, proofs, accounted, config);
  const uids = new Set([...accounted.rows.map(({ id }) => id), ...strays.map(({ id }) => id)]);
  return { strays, known: uids.size };
}

/** The tags of what stands, by `standingKey`. What is gone by now, or can have none, is left out. */
export async function prove(
  standing: readonly Standing[],
  { ports, config }: ProofDeps,
): Promise<Map<string, Proof>> {
  const proofs = new Map<string, Proof>();
  const note = (one: Standing, proof: Proof | undefined) => {
    if (proof) proofs.set(standingKey(one), proof);
  };
  const of = (...kinds: Standing['kind'][]) => standing.filter(({ kind }) => kinds.includes(kind));
  const balancing = of('listener-rule', 'target-group');
  const byArn = await proveElbv2(
    ports.elbv2,
    balancing.flatMap(({ arn }) => arn ?? []),
  );
  for (const one of balancing) note(one, byArn.get(one.arn ?? ''));
  const services = of('service');
  const byName = await proveServices(
    ports.ecs,
    config.cluster,
    services.map(({ key }) => key),
  );
  for (const one of services) note(one, byName.get(one.key));
  for (const one of of('task-definition')) note(one, await proveFamily(ports.ecs, one.key, config.install));
  return proofs;
}
