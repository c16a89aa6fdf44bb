import * as z from 'zod';
import { specFields } from './spec-fields.ts';

/** AWS allows ten containers in a task, and five target groups on a service. */
export const MAX_CONTAINERS = 10;
export const MAX_PUBLIC = 5;

const NAME = /^[a-z][a-z0-9-]{0,30}$/;
/** With `tempus-` and the id it is the name of a target group, of at most 32 characters, and no `--`. */
const SUFFIX = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

const suffix = z
  .string()
  .max(16)
  .regex(
    SUFFIX,
    'must be true, or a suffix of its own address: a-z, 0-9 and - inside, at most 16 characters',
  );

const seconds = (min: number, max: number) => z.int().min(min).max(max);

/** Bounds are those of ECS: API reference, HealthCheck. */
const healthcheck = z.strictObject({
  command: z
    .array(z.string().min(1).max(4096))
    .min(2)
    .max(64)
    .refine(
      ([form]) => form === 'CMD' || form === 'CMD-SHELL',
      'must begin with CMD or CMD-SHELL, and go on with what to run',
    ),
  interval_s: seconds(5, 300),
  timeout_s: seconds(2, 60),
  retries: z.int().min(1).max(10),
  start_period_s: seconds(0, 300),
});

export const containerFields = {
  name: z.string().regex(NAME, 'must be 1 to 31 characters: a-z first, then a-z, 0-9 and -'),
  image: specFields.image,
  entrypoint: specFields.command.describe("argv in place of the image's own entrypoint"),
  command: specFields.command,
  workdir: specFields.workdir,
  port: specFields.port.describe('every container has its own: all of a task share localhost'),
  env: specFields.env,
  cpu: z.int().min(1).max(2048).describe('CPU units of the task that this container may use'),
  memory: z.int().min(6).max(4096).describe('MiB at which this container alone is stopped'),
  essential: z.boolean().describe('whether the whole task ends when this container does'),
  depends_on: z
    .record(z.string(), z.enum(['started', 'healthy']))
    .describe('which containers start first, and how far they have to be'),
  healthcheck,
  public: z
    .union([z.literal(true), suffix])
    .describe("true: the preview's own address; a suffix: an address of its own, preview-<id>-<suffix>"),
  health_path: specFields.health_path,
  health_codes: specFields.health_codes,
};

const container = z.strictObject({
  ...containerFields,
  entrypoint: containerFields.entrypoint.optional(),
  command: containerFields.command.optional(),
  workdir: containerFields.workdir.optional(),
  port: containerFields.port.optional(),
  cpu: containerFields.cpu.optional(),
  memory: containerFields.memory.optional(),
  healthcheck: containerFields.healthcheck.optional(),
  public: containerFields.public.optional(),
  health_path: containerFields.health_path.optional(),
  health_codes: containerFields.health_codes.optional(),
});

/** One container of a task, as it is stored. */
export type Container = z.output<typeof container>;

export const containersSchema = z.array(container).min(1).max(MAX_CONTAINERS);

/** What is wrong only of the containers together: each finding names the container and the way out. */
export interface ContainersFinding {
  path: (string | number)[];
  message: string;
}

type Checked = Pick<Container, 'name' | 'essential' | 'depends_on'> &
  Partial<Pick<Container, 'port' | 'public' | 'cpu' | 'memory' | 'healthcheck'>>;

/** Judges containers that are each well-formed. `task` is what they share. */
export function findContainerFaults(
  containers: readonly Checked[],
  task: { cpu: number; memory: number },
): ContainersFinding[] {
  return [
    ...findDoubles(containers),
    ...findPublicFaults(containers),
    ...findDependencyFaults(containers),
    ...findSizeFaults(containers, task),
    ...(containers.some(({ essential }) => essential)
      ? []
      : [{ path: [0, 'essential'], message: 'at least one container must be essential' }]),
  ];
}

/** For zod's superRefine of the whole spec. */
export function checkContainers(
  { containers, cpu, memory }: { containers: Container[]; cpu: number; memory: number },
  context: z.core.$RefinementCtx,
): void {
  for (const { path, message } of findContainerFaults(containers, { cpu, memory }))
    context.addIssue({ code: 'custom', path: ['containers', ...path], message });
}

function findDoubles(containers: readonly Checked[]): ContainersFinding[] {
  return (['name', 'port', 'public'] as const).flatMap((field) =>
    containers.flatMap((one, at) => {
      const value = one[field];
      const first = value === undefined ? at : containers.findIndex((other) => other[field] === value);
      if (first === at) return [];
      const twin = containers[first]?.name;
      const message =
        field === 'name'
          ? `${String(value)} is the name of another container already`
          : `${String(value)} is taken by container ${twin}; give each its own`;
      return [{ path: [at, field], message }];
    }),
  );
}

function findPublicFaults(containers: readonly Checked[]): ContainersFinding[] {
  const open = containers.flatMap((one, at) => (one.public === undefined ? [] : [{ ...one, at }]));
  const findings = open
    .filter(({ port }) => port === undefined)
    .map(({ at }) => ({ path: [at, 'port'], message: 'a public container needs the port it listens on' }));
  if (!open.some((one) => one.public === true))
    findings.push({ path: [0, 'public'], message: 'one container must be public: true, the preview itself' });
  const sixth = open[MAX_PUBLIC];
  if (sixth)
    findings.push({ path: [sixth.at, 'public'], message: `at most ${MAX_PUBLIC} containers can be public` });
  return findings;
}

function findDependencyFaults(containers: readonly Checked[]): ContainersFinding[] {
  const byName = new Map(containers.map((one) => [one.name, one]));
  const findings = containers.flatMap(({ depends_on }, at) =>
    Object.entries(depends_on).flatMap(([name, how]) => {
      const path = [at, 'depends_on', name];
      const other = byName.get(name);
      if (!other) return [{ path, message: 'is not the name of another container' }];
      if (how === 'healthy' && !other.healthcheck)
        return [
          { path, message: `can only be healthy if ${name} has a healthcheck; say started, or add one` },
        ];
      return [];
    }),
  );
  const cycle = findCycle(byName);
  if (!cycle) return findings;
  const at = containers.findIndex(({ name }) => name === cycle[0]);
  const message = `waits for itself: ${cycle.join(' → ')}`;
  return [...findings, { path: [at, 'depends_on'], message }];
}

/** The names along a circle of dependencies, the first one again at the end. */
function findCycle(byName: ReadonlyMap<string, Checked>): string[] | undefined {
  const over = new Set<string>();
  const follow = (name: string, way: readonly string[]): string[] | undefined => {
    if (way.includes(name)) return [...way.slice(way.indexOf(name)), name];
    if (over.has(name)) return undefined;
    for (const next of Object.keys(byName.get(name)?.depends_on ?? {})) {
      const found = follow(next, [...way, name]);
      if (found) return found;
    }
    over.add(name);
    return undefined;
  };
  for (const name of byName.keys()) {
    const found = follow(name, []);
    if (found) return found;
  }
  return undefined;
}

function findSizeFaults(
  containers: readonly Checked[],
  task: { cpu: number; memory: number },
): ContainersFinding[] {
  return (['cpu', 'memory'] as const).flatMap((field) => {
    const sum = containers.reduce((all, one) => all + (one[field] ?? 0), 0);
    if (sum <= task[field]) return [];
    const at = containers.findLastIndex((one) => one[field] !== undefined);
    const message = `the containers want ${sum} in all, and the task has ${task[field]}; raise its ${field}`;
    return [{ path: [at, field], message }];
  });
}
