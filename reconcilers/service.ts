import type { Service } from '@aws-sdk/client-ecs';
import { isClusterGone, isDraining, isNotBehindRule, isNotIdempotent, isServiceGone } from '../aws/errors.ts';
import { resourceKey, resourceName } from '../preview/names.ts';
import { done, type Outcome, wait, waitSoon } from './outcome.ts';
import { nameConflict, ownsEcs, unproven } from './ownership.ts';
import type { Ensuring, Work } from './pass.ts';
import { difference, loadBalancers } from './service-difference.ts';

/** The service, or undefined: AWS answers an unknown name with a failure entry, and INACTIVE is only a memory. */
async function observe({ row, ports, config }: Work): Promise<Service | undefined> {
  try {
    const { services = [] } = await ports.ecs.describeServices({
      cluster: config.cluster,
      services: [resourceName(row.id)],
      include: ['TAGS'],
    });
    return services.find(({ status }) => status !== 'INACTIVE');
  } catch (error) {
    if (isClusterGone(error)) return undefined;
    throw error;
  }
}

/** Looks what stands under the service's name, for ensureService. */
export async function lookAtService(pass: Ensuring): Promise<Outcome> {
  pass.standingService = { seen: await observe(pass) };
  return done;
}

export async function ensureService(pass: Ensuring): Promise<Outcome> {
  if (!pass.standingService) throw new Error('nobody has looked at the service');
  const { seen: observed } = pass.standingService;
  if (!observed) return create(pass);
  if (observed.status === 'DRAINING') return draining(pass);
  if (!ownsEcs(observed.tags, pass)) return nameConflict(`service ${pass.plan.name}`, pass);
  pass.draft.present(resourceKey('service', pass.plan.name));
  return update(pass, observed);
}

async function create(pass: Ensuring): Promise<Outcome> {
  const { plan, ports, config, log } = pass;
  try {
    const { service } = await ports.ecs.createService({
      ...plan.service,
      taskDefinition: pass.taskDefinitionArn,
      loadBalancers: loadBalancers(pass),
    });
    if (service) pass.service = service;
  } catch (error) {
    if (isNotBehindRule(error)) {
      return waitSoon('RuleNotVisible', 'AWS does not see the listener rule yet', config.poll_ms);
    }
    if (isDraining(error)) return draining(pass);
    if (isNotIdempotent(error))
      return waitSoon('ServiceNotVisible', 'AWS does not show the service yet', config.poll_ms);
    throw error;
  }
  pass.draft.present(resourceKey('service', plan.name));
  log.info({ service: plan.name, task_definition: pass.taskDefinitionArn }, 'created service');
  return done;
}

async function update(pass: Ensuring, observed: Service): Promise<Outcome> {
  const { plan, ports, config, clock, log, recent } = pass;
  pass.service = observed;
  const changes = difference(pass, observed);
  if (!changes) return done;
  // Forced once more, the deployment that is under way would be replaced by another, and its progress with it.
  if (changes.forceNewDeployment && recent.find(plan.uid, 'deployment', changes, clock.monotonic()))
    return waitSoon('UpdateNotVisible', 'AWS does not show yet how the service was updated', config.poll_ms);
  try {
    const { service } = await ports.ecs.updateService({
      cluster: config.cluster,
      service: plan.service.serviceName,
      ...changes,
    });
    if (service) pass.service = service;
  } catch (error) {
    if (isServiceGone(error)) return draining(pass);
    throw error;
  }
  if (changes.forceNewDeployment)
    recent.note(plan.uid, 'deployment', changes, plan.service.serviceName, clock.monotonic());
  log.info({ service: plan.name, changed: Object.keys(changes) }, 'updated service');
  return pass.fuseBurnt && observed.desiredCount === 0 && plan.service.desiredCount > 0
    ? wait(
        'FuseFired',
        'the fuse had stopped the preview before it was extended; it starts again',
        config.poll_ms,
      )
    : done;
}

function draining({ config }: Work): Outcome {
  return wait('ServiceDraining', 'an earlier service of this name is still draining', config.poll_ms);
}

export async function removeService(work: Work): Promise<Outcome | 'absent'> {
  const observed = await observe(work);
  if (!observed) return 'absent';
  const { ports, config, draft, log } = work;
  const name = resourceName(work.row.id);
  if (!ownsEcs(observed.tags, work)) return unproven(resourceKey('service', name), work);
  if (observed.status === 'ACTIVE') {
    try {
      await ports.ecs.deleteService({ cluster: config.cluster, service: name, force: true });
      log.info({ service: name }, 'deleted service');
    } catch (error) {
      if (!isServiceGone(error)) throw error;
    }
  }
  draft.deleted(resourceKey('service', name));
  return wait('ServiceDraining', 'the service stops its tasks', config.poll_ms);
}
