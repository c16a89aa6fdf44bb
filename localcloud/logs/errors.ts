import {
  InvalidParameterException,
  ResourceAlreadyExistsException,
  ResourceNotFoundException,
} from '@aws-sdk/client-cloudwatch-logs';

const $metadata = {};

export function groupExists(): ResourceAlreadyExistsException {
  return new ResourceAlreadyExistsException({ $metadata, message: 'The specified log group already exists' });
}

export function streamExists(): ResourceAlreadyExistsException {
  return new ResourceAlreadyExistsException({
    $metadata,
    message: 'The specified log stream already exists',
  });
}

export function groupNotFound(): ResourceNotFoundException {
  return new ResourceNotFoundException({ $metadata, message: 'The specified log group does not exist.' });
}

export function streamNotFound(): ResourceNotFoundException {
  return new ResourceNotFoundException({ $metadata, message: 'The specified log stream does not exist.' });
}

export function invalid(message: string): InvalidParameterException {
  return new InvalidParameterException({ $metadata, message });
}
