import type {
  ContainerDefinition,
  RegisterTaskDefinitionCommandInput,
  Tag as EcsTag,
} from '@aws-sdk/client-ecs';
import type { Container } from '../preview/containers.ts';
import { containersOf } from '../preview/endpoints.ts';
import { logStreamPrefix, type ResourceKind, resourceName, resourceTags } from '../preview/names.ts';
import type { PreviewRow } from '../preview/record.ts';
import { hashSpec, type Spec } from '../preview/spec.ts';
import { UNSAID } from '../preview/spec-fields.ts';
import type { ReconcilerConfig } from './config.ts';

/** Tag on a task definition: which spec it runs, so that a revision is found again instead of registered twice. */
export const SPEC_TAG = 'tempus:spec';

type Row = Pick<PreviewRow, 'id' | 'preview_id'>;
type Environment = Readonly<Record<string, string>>;

export function planTaskDefinition(
  row: Row,
  spec: Spec,
  expires_at: string,
  config: ReconcilerConfig,
): RegisterTaskDefinitionCommandInput & { family: string } {
  const revision = hashSpec(spec);
  const containers = containersOf(spec);
  const common: Environment = {
    TEMPUS_PREVIEW_ID: row.id,
    TEMPUS_REVISION: revision,
    // As of this revision: an extension does not restart the application only to tell it.
    TEMPUS_EXPIRES_AT: expires_at,
    ...(containers.length > 1 ? portsOf(containers) : {}),
  };
  return {
    family: resourceName(row.id),
    requiresCompatibilities: ['FARGATE'],
    networkMode: 'awsvpc',
    runtimePlatform: { operatingSystemFamily: 'LINUX', cpuArchitecture: spec.arch ?? UNSAID.arch },
    cpu: String(spec.cpu),
    memory: String(spec.memory),
    ...(config.execution_role_arn ? { executionRoleArn: config.execution_role_arn } : {}),
    containerDefinitions: containers.map((one) => planContainer(row, one, common, config)),
    tags: [...ecsTags(row, 'task-definition', config), { key: SPEC_TAG, value: revision }],
  };
}

/** `PORT_<NAME>` of each container: where the others reach it on localhost. */
function portsOf(containers: readonly Container[]): Environment {
  return Object.fromEntries(
    containers.flatMap(({ name, port }) =>
      port === undefined ? [] : [[`PORT_${name.toUpperCase().replaceAll('-', '_')}`, String(port)]],
    ),
  );
}

function planContainer(
  row: Row,
  one: Container,
  common: Environment,
  config: ReconcilerConfig,
): ContainerDefinition {
  const { name, image, essential, port, cpu, memory, entrypoint, command, workdir, healthcheck } = one;
  const env: Environment = { ...one.env, ...(port === undefined ? {} : { PORT: String(port) }), ...common };
  const before = Object.entries(one.depends_on);
  return {
    name,
    image,
    essential,
    ...(entrypoint ? { entryPoint: entrypoint } : {}),
    ...(command ? { command } : {}),
    ...(workdir ? { workingDirectory: workdir } : {}),
    ...(cpu === undefined ? {} : { cpu }),
    ...(memory === undefined ? {} : { memory }),
    environment: Object.entries(env).map(([key, value]) => ({ name: key, value })),
    ...(port === undefined ? {} : { portMappings: [{ containerPort: port, protocol: 'tcp' }] }),
    ...(before.length === 0
      ? {}
      : {
          dependsOn: before.map(([containerName, how]) => ({
            containerName,
            condition: how === 'healthy' ? 'HEALTHY' : 'START',
          })),
        }),
    ...(healthcheck ? { healthCheck: planHealthCheck(healthcheck) } : {}),
    stopTimeout: 10,
    logConfiguration: {
      logDriver: 'awslogs',
      options: {
        'awslogs-group': config.log_group,
        'awslogs-region': config.region,
        'awslogs-stream-prefix': logStreamPrefix(row.id).slice(0, -1),
      },
    },
  };
}

function planHealthCheck(check: NonNullable<Container['healthcheck']>): ContainerDefinition['healthCheck'] {
  const { command, interval_s, timeout_s, retries, start_period_s } = check;
  return { command, interval: interval_s, timeout: timeout_s, retries, startPeriod: start_period_s };
}

export function ecsTags(row: Row, kind: ResourceKind, config: ReconcilerConfig): EcsTag[] {
  return resourceTags(config.install, row, kind).map(({ Key, Value }) => ({ key: Key, value: Value }));
}
