import { ConflictException, ResourceNotFoundException, ValidationException } from '@aws-sdk/client-scheduler';

const $metadata = {};

export function conflict(what: string): ConflictException {
  return new ConflictException({
    $metadata,
    Message: `${what} already exists.`,
    message: `${what} already exists.`,
  });
}

export function notFound(what: string): ResourceNotFoundException {
  const message = `${what} does not exist.`;
  return new ResourceNotFoundException({ $metadata, Message: message, message });
}

export function invalid(message: string): ValidationException {
  return new ValidationException({ $metadata, Message: message, message });
}
