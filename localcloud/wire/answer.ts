import type { Log } from '../../platform/log.ts';
import { writeJson, SerializationError } from './json-codec.ts';
import { escapeXml, writeXml } from './query-codec.ts';
import type { Operation, Service } from './service.ts';

/** One HTTP answer of the endpoint. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string | Buffer;
  /** The error code on the wire, for the call log. */
  code?: string;
}

export type Protocol = 'json-1.0' | 'json-1.1' | 'query' | 'rest-json';

const XMLNS = 'http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/';
const CONTENT_TYPES: Readonly<Record<Protocol, string>> = {
  'json-1.0': 'application/x-amz-json-1.0',
  'json-1.1': 'application/x-amz-json-1.1',
  query: 'text/xml',
  'rest-json': 'application/json',
};

/** What an operation returned, in the words of its protocol. */
export function answerOutput(
  protocol: Protocol,
  operation: Operation,
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
      body: `<${name}Response xmlns="${XMLNS}">${result}${metadata}</${name}Response>`,
    };
  }
  const body = JSON.stringify(writeJson(operation.output, output) ?? {});
  return { status: operation.http?.[2] ?? 200, headers, body };
}

/** An error in the words of its protocol: one code, one sentence. */
export function answerError(
  protocol: Protocol,
  { code, status, message }: { code: string; status: number; message: string },
  requestId: string,
): Answer {
  const headers: Record<string, string> = { 'content-type': CONTENT_TYPES[protocol] };
  if (protocol === 'query') {
    const type = status < 500 ? 'Sender' : 'Receiver';
    const error = `<Error><Type>${type}</Type><Code>${code}</Code><Message>${escapeXml(message)}</Message></Error>`;
    const body = `<ErrorResponse xmlns="${XMLNS}">${error}<RequestId>${requestId}</RequestId></ErrorResponse>`;
    return { status, headers, body, code };
  }
  headers['x-amzn-errortype'] = code;
  // Services differ in the case of the member; the SDK's error shapes read their own and ignore the other.
  return { status, headers, body: JSON.stringify({ __type: code, message, Message: message }), code };
}

/** What a model threw: its own refusal as AWS words it, anything else as AWS's own failure, with the stack in the log. */
export function answerThrown(
  protocol: Protocol,
  service: Service,
  thrown: unknown,
  requestId: string,
  log: Log,
): Answer {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const known = service.errors.get(error.name);
  if (known) return answerError(protocol, { ...known, message: error.message }, requestId);
  if (error instanceof SerializationError || (error as { $fault?: string }).$fault === 'client') {
    return answerError(protocol, { code: error.name, status: 400, message: error.message }, requestId);
  }
  log.error({ err: error, service: service.name, request_id: requestId }, 'model failed');
  const code = protocol === 'query' ? 'InternalFailure' : 'InternalServerException';
  const message = 'The request processing has failed because of an unknown error.';
  return answerError(protocol, { code, status: 500, message }, requestId);
}
