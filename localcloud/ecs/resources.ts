import type { EcsState, ServiceRecord, TaskDefinitionRecord, TaskRecord } from './state.ts';

/** What ECS's reads may be late about. Clusters are old wherever it matters. */
export type EcsResource =
  | { kind: 'service'; record: ServiceRecord }
  | { kind: 'task'; record: TaskRecord }
  | { kind: 'definition'; record: TaskDefinitionRecord };

export function splitEcs({ services, tasks, taskDefinitions }: EcsState): Map<string, EcsResource> {
  const resources: EcsResource[] = [
    ...services.map((record) => ({ kind: 'service', record }) as const),
    ...tasks.map((record) => ({ kind: 'task', record }) as const),
    ...taskDefinitions.map((record) => ({ kind: 'definition', record }) as const),
  ];
  return new Map(resources.map((resource) => [resource.record.arn, resource]));
}

export function joinEcs(
  resources: ReadonlyMap<string, EcsResource>,
  { clusters, revisions }: EcsState,
): EcsState {
  const all = [...resources.values()];
  return {
    clusters,
    revisions,
    services: all.flatMap((one) => (one.kind === 'service' ? [one.record] : [])),
    tasks: all.flatMap((one) => (one.kind === 'task' ? [one.record] : [])),
    taskDefinitions: all.flatMap((one) => (one.kind === 'definition' ? [one.record] : [])),
  };
}
