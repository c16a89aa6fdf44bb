import type { Container } from './containers.ts';
import { isSeveral, type Spec } from './spec.ts';

/** The name of the only container of the short form. */
export const SOLE_CONTAINER = 'app';
/** The endpoint that is the preview's own address: its suffix is none. */
export const MAIN = '';

const HEALTH = { health_path: '/', health_codes: '200-499' } as const;

/** One public address of a preview: a container's port behind a target group and rules of its own. */
export interface Endpoint {
  /** MAIN, or what its address ends in. */
  suffix: string;
  container: string;
  port: number;
  health_path: string;
  health_codes: string;
}

/** The containers of a task, whichever form the spec has. */
export function containersOf(spec: Spec): readonly Container[] {
  if (isSeveral(spec)) return spec.containers;
  const { image, command, workdir, port, env, health_path, health_codes } = spec;
  return [
    {
      name: SOLE_CONTAINER,
      image,
      ...(command ? { command } : {}),
      ...(workdir ? { workdir } : {}),
      port,
      env,
      essential: true,
      depends_on: {},
      public: true,
      health_path,
      health_codes,
    },
  ];
}

/** The public addresses of a spec, the preview's own first. */
export function endpointsOf(spec: Spec): Endpoint[] {
  return containersOf(spec)
    .flatMap((one): Endpoint[] => {
      if (one.public === undefined || one.port === undefined) return [];
      const { health_path = HEALTH.health_path, health_codes = HEALTH.health_codes } = one;
      const suffix = one.public === true ? MAIN : one.public;
      return [{ suffix, container: one.name, port: one.port, health_path, health_codes }];
    })
    .toSorted((a, b) => (a.suffix < b.suffix ? -1 : 1));
}
