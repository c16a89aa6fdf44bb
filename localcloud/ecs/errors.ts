import {
  ClientException,
  ClusterNotFoundException,
  InvalidParameterException,
  ResourceNotFoundException,
  ServiceNotActiveException,
  ServiceNotFoundException,
} from '@aws-sdk/client-ecs';

const $metadata = {};

export function invalid(message: string): InvalidParameterException {
  return new InvalidParameterException({ $metadata, message });
}

export function refused(message: string): ClientException {
  return new ClientException({ $metadata, message });
}

/** AWS has it and this model does not: better refused than silently ignored. */
export function notModelled(field: string): ClientException {
  return refused(`${field} is not modelled here.`);
}

export function clusterNotFound(): ClusterNotFoundException {
  return new ClusterNotFoundException({ $metadata, message: 'Cluster not found.' });
}

export function serviceNotFound(): ServiceNotFoundException {
  return new ServiceNotFoundException({ $metadata, message: 'Service not found.' });
}

export function serviceNotActive(): ServiceNotActiveException {
  return new ServiceNotActiveException({ $metadata, message: 'Service was not ACTIVE.' });
}

export function resourceNotFound(): ResourceNotFoundException {
  return new ResourceNotFoundException({ $metadata, message: 'The specified resource was not found.' });
}
