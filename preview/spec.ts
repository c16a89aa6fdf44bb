import { createHash } from 'node:crypto';
import * as z from 'zod';
import { checkContainers, containersSchema } from './containers.ts';
import { MEMORY_BY_CPU, memoryHint, specFields } from './spec-fields.ts';

const sizeFits = ({ cpu, memory }: { cpu: number; memory: number }) =>
  MEMORY_BY_CPU[cpu]?.includes(memory) ?? false;
const sizeMisfit = {
  path: ['memory'],
  error: ({ input }: { input?: unknown }) => memoryHint((input as { cpu: number }).cpu),
};

/** Of the whole task, in either form. Absent in records from before there was a choice: see UNSAID. */
const place = { arch: specFields.arch.optional(), capacity: specFields.capacity.optional() };

/** The short form: one container, which is the preview. */
const singleSchema = z
  .strictObject({
    ...specFields,
    ...place,
    command: specFields.command.optional(),
    workdir: specFields.workdir.optional(),
  })
  .refine(sizeFits, sizeMisfit);

/** The long form: several containers in one task, which share its network, its size and its end. */
const severalSchema = z
  .strictObject({ containers: containersSchema, cpu: specFields.cpu, memory: specFields.memory, ...place })
  .refine(sizeFits, sizeMisfit)
  .superRefine(checkContainers);

export type SingleSpec = z.output<typeof singleSchema>;
export type SeveralSpec = z.output<typeof severalSchema>;
/**
 * What a preview shall run: the desired state, as it is stored. Every field has its default written in at create,
 * so that a release which changes a default rolls no running preview.
 */
export type Spec = SingleSpec | SeveralSpec;

/** An operator may have stored anything for a spec, a text too. */
export function isSeveral(spec: Spec): spec is SeveralSpec {
  return typeof spec === 'object' && spec !== null && 'containers' in spec;
}

/** Reads a stored desired state; which of the two forms it is meant to be, its `containers` field tells. */
export function parseSpec(stored: unknown): z.ZodSafeParseResult<Spec> {
  const several = typeof stored === 'object' && stored !== null && 'containers' in stored;
  return several ? severalSchema.safeParse(stored) : singleSchema.safeParse(stored);
}

/** JSON with sorted keys: equal values give equal text, whatever order an editor or DynamoDB returned them in. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/**
 * The identity of a desired state, 16 hex digits. Change is found by this hash and not by a counter, because
 * operators who edit the table by hand forget counters.
 */
export function hashSpec(spec: unknown): string {
  return createHash('sha256').update(canonicalJson(spec)).digest('hex').slice(0, 16);
}
