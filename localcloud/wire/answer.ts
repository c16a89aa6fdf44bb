import { ServiceException } from '@smithy/core/client';
import { SerializationError, writeJson } from './json-codec.ts';
import { escapeXml, writeXml } from './query-codec.ts';
import { MissingMemberError } from './required.ts';
import type { Operation, Service } from './service.ts';

/** One HTTP answer of the endpoint. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
  /** The error code on the wire, for the call log. */
  code?: string;
}

export type Protocol = 'json-1.0' | 'json-1.1' | 'query' | 'rest-json';

/** Of the Query services, by their names here. What is for none of them is answered as the first would. */
const XMLNS: Readonly<Record<string, string>> = {
  elbv2: 'http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/',
  sts: 'https://sts.amazonaws.com/doc/2011-06-15/',
};
const CONTENT_TYPES: Readonly<Record<Protocol, string>> = {
  'json-1.0': 'application/x-amz-json-1.0',
  'json-1.1': 'application/x-amz-json-1.1',
  query: 'text/xml',
  'rest-json': 'application/json',
};

/** What an operation returned, in the words of its protocol. */
export function answerOutput(
  protocol: Protocol,
  { service, operation }: { service: string; operation: Operation },
  output: unknown,
  requestId: string,
): Answer {
  const headers = { 'content-type': CONTENT_TYPES[protocol] };
  if (protocol === 'query') {
    const { name } = operation;
    const result = `<${name}Result>${writeXml(operation.output, output)}</${name}Result>`;
    const metadata = `<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata>`;
    return {
      status: 200,
      headers,
      body: `<${name}Response xmlns="${XMLNS[service]}">${result}${metadata}</${name}Response>`,
    };
  }
  const body = JSON.stringify(writeJson(operation.output, output) ?? {});
  return { status: operation.http?.[2] ?? 200, headers, body };
}

/** An error on its way to the wire: one code, one sentence. */
export interface Refusal {
  code: string;
  status: number;
  message: string;
}

/** An error in the words of its protocol. */
export function answerError(
  protocol: Protocol,
  { code, status, message }: Refusal,
  requestId: string,
  service = 'elbv2',
): Answer {
  const headers: Record<string, string> = { 'content-type': CONTENT_TYPES[protocol] };
  if (protocol === 'query') {
    const type = status < 500 ? 'Sender' : 'Receiver';
    const error = `<Error><Type>${type}</Type><Code>${code}</Code><Message>${escapeXml(message)}</Message></Error>`;
    const body = `<ErrorResponse xmlns="${XMLNS[service]}">${error}<RequestId>${requestId}</RequestId></ErrorResponse>`;
    return { status, headers, body, code };
  }
  headers['x-amzn-errortype'] = code;
  // Services differ in the case of the member; the SDK's error shapes read their own and ignore the other.
  return { status, headers, body: JSON.stringify({ __type: code, message, Message: message }), code };
}

/** No model has this operation. */
export function unknownOperation(protocol: Protocol, name: string, service = 'any service'): Refusal {
  const message = `${name || 'the operation'} is not modelled for ${service}; docs/localcloud.md lists what is`;
  if (protocol === 'query') return { code: 'InvalidAction', status: 400, message };
  return { code: 'UnknownOperationException', status: protocol === 'rest-json' ? 404 : 400, message };
}

const SERIALIZATION: Readonly<Record<Protocol, string>> = {
  'json-1.0': 'SerializationException',
  'json-1.1': 'SerializationException',
  query: 'MalformedInput',
  'rest-json': 'SerializationException',
};
const MISSING_MEMBER: Readonly<Record<Protocol, string>> = {
  'json-1.0': 'ValidationException',
  'json-1.1': 'InvalidParameterException',
  query: 'ValidationError',
  'rest-json': 'ValidationException',
};

/** An error that AWS would answer with, as AWS words it; undefined for a failure of the model itself. */
export function refusalOf(protocol: Protocol, service: Service, error: unknown): Refusal | undefined {
  if (!(error instanceof Error)) return undefined;
  const { name, message } = error;
  const known = service.errors.get(name);
  if (known) return { ...known, message };
  if (error instanceof SerializationError) return { code: SERIALIZATION[protocol], status: 400, message };
  if (error instanceof MissingMemberError) return { code: MISSING_MEMBER[protocol], status: 400, message };
  // A code that the SDK has no class for, such as Throttling: the service's base exception with that name.
  if (error instanceof ServiceException) {
    return { code: name, status: error.$metadata.httpStatusCode ?? 400, message };
  }
  return undefined;
}

/**
 * A call over its rate. Elastic Load Balancing's documentation has the code of the others, but what is seen of it in the
 * field is the Query protocol's own.
 */
export function rateExceeded(protocol: Protocol, service: Service): Refusal {
  const code = protocol === 'query' ? 'Throttling' : 'ThrottlingException';
  return { code, status: service.errors.get(code)?.status ?? 400, message: 'Rate exceeded' };
}

/** AWS's own words for a failure of its own. */
export function internalFailure(protocol: Protocol): Refusal {
  return {
    code: protocol === 'query' ? 'InternalFailure' : 'InternalServerException',
    status: 500,
    message: 'The request processing has failed because of an unknown error.',
  };
}
