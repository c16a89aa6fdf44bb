import * as z from 'zod';

/** Fargate task sizes are AWS's own (developer guide, fargate-tasks-services), cut at 2 vCPU and 4 GB. */
export const MEMORY_BY_CPU: Readonly<Record<number, readonly number[]>> = {
  256: [512, 1024, 2048],
  512: [1024, 2048, 3072, 4096],
  1024: [2048, 3072, 4096],
  2048: [4096],
};

/** Processors that Fargate has, in ECS's own words: API reference, RuntimePlatform. */
export const ARCHES = ['X86_64', 'ARM64'] as const;
export type Arch = (typeof ARCHES)[number];

/** Spot costs about a third, and AWS may take it back with two minutes' notice. */
export const CAPACITIES = ['on_demand', 'spot'] as const;
export type Capacity = (typeof CAPACITIES)[number];

/** Where tasks ran before records said it, and where such a record's still do: a new field must roll nothing. */
export const UNSAID = { arch: 'X86_64', capacity: 'on_demand' } as const satisfies {
  arch: Arch;
  capacity: Capacity;
};

const ENV_NAME = /^[A-Z_][A-Z0-9_]{0,63}$/;
const RESERVED_ENV = /^(AWS_|ECS_|TEMPUS_)/;
const IMAGE =
  /^[a-z0-9]+([._-][a-z0-9]+)*(:\d{1,5})?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:[A-Za-z0-9_][\w.-]{0,127})?(@sha256:[a-f0-9]{64})?$/;
const HEALTH_PATH = /^\/(?!\/)[!-~]*$/;
const HEALTH_CODES = /^[2-4]\d\d(-[2-4]\d\d)?$/;
const ENV_VALUE_BYTES = 4096;
const ENV_TOTAL_BYTES = 16384;

const utf8 = (text: string) => Buffer.byteLength(text, 'utf8');

export const envSchema = z
  .record(
    z
      .string()
      .regex(
        ENV_NAME,
        'must be upper-case letters, digits and _, at most 64 characters, not starting with a digit',
      )
      .refine(
        (name) => !RESERVED_ENV.test(name),
        'AWS_, ECS_ and TEMPUS_ are reserved: choose another prefix',
      ),
    z
      .string()
      .refine((value) => utf8(value) <= ENV_VALUE_BYTES, `must be at most ${ENV_VALUE_BYTES} bytes`)
      .refine((value) => !value.includes('\0'), 'must not contain a NUL character'),
  )
  .refine((env) => Object.keys(env).length <= 50, 'must hold at most 50 variables')
  .refine(
    (env) => Object.entries(env).reduce((sum, [k, v]) => sum + utf8(k) + utf8(v), 0) <= ENV_TOTAL_BYTES,
    `must be at most ${ENV_TOTAL_BYTES} bytes in all`,
  );

export const specFields = {
  image: z
    .string()
    .max(255)
    .regex(IMAGE, 'must be a container image reference, for example ghcr.io/acme/web:pr-12'),
  command: z
    .array(z.string().min(1).max(4096))
    .min(1)
    .max(64)
    .describe('argv; the API also takes one string, which runs under /bin/sh -c'),
  workdir: z.string().max(1024).startsWith('/', 'must be an absolute path'),
  port: z.int().min(1).max(65535),
  cpu: z.union([z.literal(256), z.literal(512), z.literal(1024), z.literal(2048)]),
  memory: z.int().min(512).max(4096),
  arch: z
    .enum(ARCHES, 'must be X86_64, for an image built for linux/amd64, or ARM64, for linux/arm64')
    .describe('the processor that the image is built for'),
  capacity: z
    .enum(CAPACITIES, 'must be on_demand or spot')
    .describe("spot costs about a third, and AWS may take it back with two minutes' notice"),
  env: envSchema,
  health_path: z
    .string()
    .max(256)
    .regex(HEALTH_PATH, 'must start with one / and hold only printable characters, without spaces')
    .refine((path) => !path.split('/').includes('..'), 'must not contain ..'),
  health_codes: z.string().regex(HEALTH_CODES, 'must be a status or a range, for example 200-399'),
};

/** Which memory sizes Fargate sells with `cpu`, as a sentence for people. */
export function memoryHint(cpu: number): string {
  return `with cpu ${cpu}, memory must be one of ${MEMORY_BY_CPU[cpu]?.join(', ') ?? 'none'} MiB`;
}
