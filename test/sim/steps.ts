import type { Human } from './human.ts';
import type { SeededRandom } from './random.ts';
import { severalSpec } from './several.ts';
import { type Image, IMAGES } from './tasks.ts';
import type { World } from './world.ts';

/** One thing that a person does, at a moment, to the n-th preview. */
export type Step =
  | { at: number; do: 'create'; image: Image; ttl_minutes: number }
  | { at: number; do: 'remove' | 'flip' | 'nudge' | 'open' | 'save' | 'retry' | 'erase'; preview: number }
  | { at: number; do: 'extend'; preview: number; minutes: number }
  | { at: number; do: 'edit'; preview: number; fields: Record<string, unknown> }
  | { at: number; do: 'aws'; preview: number; what: AwsEdit };

const AWS_EDITS = [
  'stop_service',
  'delete_service',
  'delete_rule',
  'delete_target_group',
  'delete_schedule',
  'edit_rule',
  'deregister',
] as const;
export type AwsEdit = (typeof AWS_EDITS)[number];

/** Good and bad: each has its own way to be refused, or to fail later. */
const EDITS: readonly Record<string, unknown>[] = [
  { 'spec.image': IMAGES.better },
  { 'spec.image': IMAGES.good },
  { 'spec.image': IMAGES.crashing },
  { 'spec.image': IMAGES.missing },
  { 'spec.image': IMAGES.sick },
  { 'spec.image': 'NOT AN IMAGE' },
  { 'spec.port': 3000 },
  { 'spec.port': 'eighty' },
  { 'spec.env': { MODE: 'other' } },
  { 'spec.cpu': 7 },
  { spec: 'nonsense' },
  { ttl_hours: 1 },
  { ttl_hours: -4 },
  { expires_at: 'tomorrow' },
  { expires_at: '2026-01-01T00:40:00+01:00' },
  { phase: 'Ready' },
  { phase: 'Failed' },
  { phase: 'Deleted' },
  { phase: 'Nonsense' },
];

export function drawSteps(random: SeededRandom, previews: number, faulty_ms: number): Step[] {
  const steps: Step[] = [];
  for (let n = 0; n < previews; n += 1) {
    steps.push({
      at: n === 0 ? 0 : random.int(0, Math.floor(faulty_ms * 0.7)),
      do: 'create',
      image: random.chance(0.8) ? IMAGES.good : random.pick(Object.values(IMAGES)),
      ttl_minutes: random.chance(0.6) ? random.int(2, 20) : random.int(90, 600),
    });
  }
  const deeds = random.int(0, previews * 3);
  for (let n = 0; n < deeds; n += 1) {
    steps.push(drawDeed(random, random.int(0, previews - 1), random.int(0, faulty_ms)));
  }
  return steps.toSorted((a, b) => a.at - b.at);
}

/** Edits from one container to several, and between several: each address comes or goes. */
export function drawSeveral(random: SeededRandom, previews: number, faulty_ms: number): Step[] {
  const suffixes = () => ['api', 'admin', 'docs'].filter(() => random.chance(0.5));
  const image = () => (random.chance(0.8) ? IMAGES.good : random.pick(Object.values(IMAGES)));
  return Array.from({ length: random.int(1, 4) }, () => ({
    at: random.int(0, faulty_ms),
    do: 'edit' as const,
    preview: random.int(0, previews - 1),
    fields: { spec: severalSpec(suffixes(), image()) },
  }));
}

function drawDeed(random: SeededRandom, preview: number, at: number): Step {
  const kind = random.next();
  if (kind < 0.3)
    return {
      at,
      do: random.pick(['remove', 'flip', 'nudge', 'open', 'save', 'retry', 'retry', 'erase'] as const),
      preview,
    };
  if (kind < 0.45) return { at, do: 'extend', preview, minutes: random.int(-5, 60) };
  if (kind < 0.8) return { at, do: 'edit', preview, fields: random.pick(EDITS) };
  return { at, do: 'aws', preview, what: random.pick(AWS_EDITS) };
}

/** Does the steps, each at its time; whatever takes long holds up no other. */
export function follow(steps: readonly Step[], human: Human, world: World): Promise<unknown> {
  const ids: (string | undefined)[] = [];
  const forms = new Map<number, ReturnType<Human['open']>>();
  let created = 0;
  const tasks = steps.map(async (step) => {
    const own = step.do === 'create' ? created++ : -1;
    await human.wait(step.at);
    if (step.do === 'create') {
      ids[own] = await human.create({ image: step.image, ttl_minutes: step.ttl_minutes });
      return;
    }
    const id = ids[step.preview];
    if (id !== undefined) await take(step, id, { human, world, forms });
  });
  return Promise.all(tasks);
}

interface Stage {
  human: Human;
  world: World;
  forms: Map<number, ReturnType<Human['open']>>;
}

async function take(
  step: Exclude<Step, { do: 'create' }>,
  id: string,
  { human, world, forms }: Stage,
): Promise<void> {
  switch (step.do) {
    case 'remove':
      return human.remove(id);
    case 'flip':
      return human.edit(id, { phase: 'Deleting' });
    case 'nudge':
      return human.edit(id, { nudge: `n${world.time.ms}` });
    case 'retry':
      await human.retry(id);
      return;
    case 'erase':
      return human.erase(id);
    case 'open':
      forms.set(step.preview, human.open(id));
      return;
    case 'save':
      return human.save(forms.get(step.preview));
    case 'extend':
      return human.extend(id, step.minutes);
    case 'edit':
      return human.edit(id, step.fields);
    case 'aws':
      return editAws(step.what, id, human, world);
  }
}

/** What somebody does in the AWS console to the resources of one preview. */
async function editAws(what: AwsEdit, id: string, human: Human, world: World): Promise<void> {
  const { config, cloud } = world;
  const name = `tempus-${id}`;
  const { elbv2 } = cloud.state;
  const group = elbv2.targetGroups.find((one) => one.name === name);
  const rule = group && elbv2.rules.find(({ actions }) => actions[0]?.TargetGroupArn === group.arn);
  const act = (change: () => Promise<unknown>) => human.inAws(id, change);
  switch (what) {
    case 'stop_service':
      return act(() => cloud.ecs.updateService({ cluster: config.cluster, service: name, desiredCount: 0 }));
    case 'delete_service':
      return act(() => cloud.ecs.deleteService({ cluster: config.cluster, service: name, force: true }));
    case 'delete_rule':
      if (rule) await act(() => cloud.elbv2.deleteRule({ RuleArn: rule.arn }));
      return;
    case 'edit_rule':
      if (rule) {
        const conditions = [{ Field: 'host-header', HostHeaderConfig: { Values: ['moved.sim.test'] } }];
        await act(() => cloud.elbv2.modifyRule({ RuleArn: rule.arn, Conditions: conditions }));
      }
      return;
    case 'delete_target_group':
      if (rule) await act(() => cloud.elbv2.deleteRule({ RuleArn: rule.arn }));
      if (group) await act(() => cloud.elbv2.deleteTargetGroup({ TargetGroupArn: group.arn }));
      return;
    case 'delete_schedule':
      return act(() => cloud.scheduler.deleteSchedule({ Name: name, GroupName: config.schedule_group }));
    case 'deregister': {
      const latest = cloud.state.ecs.taskDefinitions.findLast(
        (one) => one.family === name && one.status === 'ACTIVE',
      );
      if (latest) await act(() => cloud.ecs.deregisterTaskDefinition({ taskDefinition: latest.arn }));
    }
  }
}
