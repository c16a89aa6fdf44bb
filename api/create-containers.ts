import * as z from 'zod';
import {
  type Container,
  containerFields,
  findContainerFaults,
  MAX_CONTAINERS,
} from '../preview/containers.ts';
import { specFields } from '../preview/spec-fields.ts';
import type { ApiConfig } from './config.ts';
import type { CreateBody } from './create-request.ts';
import type { FieldError } from './problems.ts';

/** Fields of the short form that the long form says for each container. */
const OF_ONE = ['image', 'command', 'workdir', 'port', 'env', 'health_path'] as const;

export const commandField = z
  .union([z.string().min(1, 'must not be empty').max(4096), specFields.command])
  .describe('one string, run under /bin/sh -c, or a list of arguments');

export function argv(command: z.output<typeof commandField>): string[] {
  return typeof command === 'string' ? ['/bin/sh', '-c', command] : command;
}

const { command: healthCommand, ...healthTimes } = containerFields.healthcheck.shape;

const container = z
  .strictObject({
    ...containerFields,
    command: commandField,
    healthcheck: z.strictObject({ command: healthCommand, ...z.object(healthTimes).partial().shape }),
  })
  .partial()
  .required({ name: true })
  .meta({ id: 'CreateContainer' });

export const containersField = z
  .array(container)
  .min(1)
  .max(MAX_CONTAINERS)
  .describe('several containers in one task, in place of image, command, workdir, port, env and health_path');

type CreateContainer = z.output<typeof container>;

/** What is wrong only in combination: of the long form with the short one, and of the containers with each other. */
export function findContainerErrors(body: CreateBody, config: ApiConfig): FieldError[] {
  const { containers = [] } = body;
  const doubled = OF_ONE.filter((field) => body[field] !== undefined).map((field) => ({
    pointer: `/${field}`,
    detail: 'goes with one container; with containers, say it inside of one',
  }));
  const lacking = containers.flatMap(({ image, command }, at) => {
    if (image !== undefined || (command !== undefined && config.process_image !== undefined)) return [];
    const detail = command === undefined ? 'is required' : 'is required: a command needs an image to run in';
    return [{ pointer: `/containers/${at}/image`, detail }];
  });
  const size = { cpu: body.cpu ?? Infinity, memory: body.memory ?? Infinity };
  const faults = findContainerFaults(specOfContainers(containers, config), size);
  return [
    ...doubled,
    ...lacking,
    ...faults.map(({ path, message }) => ({
      pointer: [
        '/containers',
        ...path.map((part) => String(part).replaceAll('~', '~0').replaceAll('/', '~1')),
      ].join('/'),
      detail: message,
    })),
  ];
}

function checkOf(check: NonNullable<CreateContainer['healthcheck']>): NonNullable<Container['healthcheck']> {
  const { command, interval_s = 10, timeout_s = 5, retries = 3, start_period_s = 0 } = check;
  return { command, interval_s, timeout_s, retries, start_period_s };
}

/** The containers as they are stored, with all that their defaults say. The only one of a task is public. */
export function specOfContainers(containers: readonly CreateContainer[], config: ApiConfig): Container[] {
  const named = containers.some((one) => one.public !== undefined);
  const withPort = containers.filter(({ port }) => port !== undefined);
  const open = !named && withPort.length === 1 ? withPort[0] : undefined;
  return containers.map((one) => {
    const { command, healthcheck, image, ...fields } = one;
    const shown = one.public ?? (one === open ? (true as const) : undefined);
    return {
      ...fields,
      image: image ?? config.process_image ?? config.default_image,
      ...(command === undefined ? {} : { command: argv(command) }),
      env: one.env ?? {},
      essential: one.essential ?? true,
      depends_on: one.depends_on ?? {},
      ...(healthcheck ? { healthcheck: checkOf(healthcheck) } : {}),
      ...(shown === undefined
        ? {}
        : {
            public: shown,
            health_path: one.health_path ?? '/',
            health_codes: one.health_codes ?? (one.health_path === undefined ? '200-499' : '200-399'),
          }),
    };
  });
}
