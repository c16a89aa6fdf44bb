import * as z from 'zod';
import type { Spec } from '../preview/spec.ts';
import { envSchema, MEMORY_BY_CPU, memoryHint, specFields } from '../preview/spec-fields.ts';
import { SHORT_ID } from '../preview/record.ts';
import type { ApiConfig } from './config.ts';
import {
  argv,
  commandField,
  containersField,
  findContainerErrors,
  specOfContainers,
} from './create-containers.ts';
import { type FieldError, Problem } from './problems.ts';

const NAME = /^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/;
const DEFAULTS = { port: 8080, cpu: 256, memory: 512, health_path: '/' } as const;

const text = (bytes: number) =>
  z
    .string()
    .normalize('NFC')
    .refine((value) => Buffer.byteLength(value) <= bytes, `must be at most ${bytes} bytes`)
    .refine((value) => !/\p{Cc}/u.test(value), 'must not contain control characters');

const labels = z
  .record(text(63).min(1, 'must not be empty'), text(256))
  .refine((all) => Object.keys(all).length <= 10, 'must hold at most 10 labels');

/** The body of `POST /preview/create`, for one install's bounds. */
export function createSchema({
  min_ttl_seconds,
  max_ttl_hours,
}: Pick<ApiConfig, 'min_ttl_seconds' | 'max_ttl_hours'>) {
  return z
    .strictObject({
      ttl_hours: z
        .number()
        .min(
          min_ttl_seconds / 3600,
          `must be at least ${min_ttl_seconds} seconds (${round(min_ttl_seconds / 3600)})`,
        )
        .max(max_ttl_hours, `must be at most ${max_ttl_hours}`)
        .describe('how long the preview lives, in hours; fractions are fine'),
      name: z
        .string()
        .regex(NAME, 'must be 1 to 40 characters: a-z, 0-9, and - inside')
        .refine((name) => !name.includes('--'), 'must not contain --')
        .refine((name) => !SHORT_ID.test(name), 'must not look like an id: 8 hex digits'),
      image: specFields.image,
      command: commandField,
      workdir: specFields.workdir.describe('laptop mode only: the folder that the command runs in'),
      port: specFields.port,
      cpu: specFields.cpu,
      memory: specFields.memory,
      arch: specFields.arch,
      capacity: specFields.capacity,
      env: envSchema,
      health_path: specFields.health_path,
      containers: containersField,
      labels,
    })
    .partial()
    .meta({ id: 'CreateRequest' });
}

export type CreateBody = z.output<ReturnType<typeof createSchema>>;

/** A request with everything that its defaults say. */
export interface Wish {
  spec: Spec;
  ttl_hours: number;
  name: string | undefined;
  labels: Record<string, string>;
}

/** Reads the body of a create request. Throws a Problem that points at every field that is wrong. */
export function readCreate(schema: ReturnType<typeof createSchema>, body: unknown, config: ApiConfig): Wish {
  const parsed = schema.safeParse(body);
  if (!parsed.success)
    throw invalid(parsed.error.issues.flatMap((issue) => fieldErrors(issue, Object.keys(schema.shape))));
  const { data } = parsed;
  const errors = conflicts(data, config);
  if (errors.length > 0) throw invalid(errors);
  return {
    spec: specOf(data, config),
    ttl_hours: data.ttl_hours ?? config.default_ttl_hours,
    name: data.name,
    labels: data.labels ?? {},
  };
}

/** What is wrong only in combination, or only on this install. */
function conflicts(body: CreateBody, config: ApiConfig): FieldError[] {
  const errors: FieldError[] = sizeErrors(body);
  if (body.containers !== undefined) return [...errors, ...findContainerErrors(body, config)];
  const { command, image, workdir } = body;
  if (workdir !== undefined && !config.allow_workdir) {
    errors.push({ pointer: '/workdir', detail: 'works in laptop mode only; leave it out' });
  } else if (workdir !== undefined && (image !== undefined || command === undefined)) {
    errors.push({ pointer: '/workdir', detail: 'goes with command and without image' });
  }
  if (command !== undefined && image === undefined && config.process_image === undefined) {
    errors.push({ pointer: '/command', detail: 'needs an image to run in; add image' });
  }
  return errors;
}

function sizeErrors(body: CreateBody): FieldError[] {
  const { cpu, memory } = sizeOf(body);
  return MEMORY_BY_CPU[cpu]?.includes(memory) ? [] : [{ pointer: '/memory', detail: memoryHint(cpu) }];
}

function sizeOf(body: CreateBody): Pick<Spec, 'cpu' | 'memory'> {
  const cpu = body.cpu ?? DEFAULTS.cpu;
  return { cpu, memory: body.memory ?? MEMORY_BY_CPU[cpu]?.[0] ?? DEFAULTS.memory };
}

/** Written at create, so that an install which changes its defaults rolls no running preview. */
function placeOf(body: CreateBody, config: ApiConfig): Required<Pick<Spec, 'arch' | 'capacity'>> {
  return { arch: body.arch ?? config.default_arch, capacity: body.capacity ?? config.default_capacity };
}

function specOf(body: CreateBody, config: ApiConfig): Spec {
  const task = { ...sizeOf(body), ...placeOf(body, config) };
  if (body.containers !== undefined)
    return { containers: specOfContainers(body.containers, config), ...task };
  const { command, workdir } = body;
  const own = command === undefined ? config.default_image : (config.process_image ?? config.default_image);
  return {
    image: body.image ?? own,
    ...(command === undefined ? {} : { command: argv(command) }),
    ...(workdir === undefined ? {} : { workdir }),
    port: body.port ?? DEFAULTS.port,
    ...task,
    env: body.env ?? {},
    health_path: body.health_path ?? DEFAULTS.health_path,
    // Without a path of the author's own, all that can be asked is whether something speaks HTTP: see docs/decisions.
    health_codes: body.health_path === undefined ? '200-499' : '200-399',
  };
}

function invalid(errors: FieldError[]): Problem {
  const first = errors[0];
  return new Problem({
    status: 422,
    code: 'invalid_request',
    detail: errors.map(({ pointer, detail }) => `${pointer || 'the body'} ${detail}`).join('; '),
    hint: `mend ${first?.pointer || 'the body'}; GET /openapi.json has every field with its bounds`,
    errors,
  });
}

/** zod's issues as JSON pointers; an unknown field is named, with the field that was probably meant. */
function fieldErrors(issue: z.core.$ZodIssue, known: readonly string[]): FieldError[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const meant = known.find((name) => closeTo(name, key));
      const detail = `is not a field of this request${meant ? `; did you mean ${meant}?` : ''}`;
      return { pointer: pointerTo([...issue.path, key]), detail };
    });
  }
  const inner =
    issue.code === 'invalid_key' ? issue.issues.map(({ message }) => message).join(', ') : issue.message;
  return [{ pointer: pointerTo(issue.path), detail: inner.replace(/^Invalid input: /, '') }];
}

function pointerTo(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** Whether two names differ only in case, in separators, or in one letter. */
function closeTo(name: string, typed: string): boolean {
  const [a, b] = [plainWord(name), plainWord(typed)];
  if (a === b || a.startsWith(b) !== b.startsWith(a)) return b.length >= 3;
  if (Math.abs(a.length - b.length) > 1) return false;
  let at = 0;
  while (at < a.length && a[at] === b[at]) at += 1;
  return (
    a.slice(at + 1) === b.slice(at + 1) || a.slice(at) === b.slice(at + 1) || a.slice(at + 1) === b.slice(at)
  );
}

function round(hours: number): number {
  return Math.round(hours * 10_000) / 10_000;
}

function plainWord(word: string): string {
  return word.toLowerCase().replace(/[^a-z0-9]/g, '');
}
