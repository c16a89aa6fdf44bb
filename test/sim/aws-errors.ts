interface Shape {
  name: string;
  message: string;
  fault: 'client' | 'server';
  status: number;
}

function awsError({ name, message, fault, status }: Shape): Error {
  const error = new Error(message);
  return Object.assign(error, { name, $fault: fault, $metadata: { httpStatusCode: status } });
}

/** No answer came: the SDK's request handler gives up. Says nothing about the effect. */
export function timedOut(): Error {
  return Object.assign(new Error('no answer in time'), { name: 'TimeoutError' });
}

export function serverFault(): Error {
  return awsError({
    name: 'InternalServerException',
    message: 'internal error',
    fault: 'server',
    status: 500,
  });
}

/** Each service has a name of its own for it; see the facts on throttling in aws/errors.ts. */
export function throttled(service: string): Error {
  const name =
    service === 'elbv2'
      ? 'Throttling'
      : service === 'previews' || service === 'coordination'
        ? 'ProvisionedThroughputExceededException'
        : 'ThrottlingException';
  return awsError({ name, message: 'Rate exceeded', fault: 'client', status: 400 });
}
