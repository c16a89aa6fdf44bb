import { STATUS_CODES } from 'node:http';
import type { ErrorRequestHandler, Response } from 'express';
import { classify } from '../aws/errors.ts';
import type { Log } from '../platform/log.ts';

export interface FieldError {
  /** JSON pointer (RFC 6901) to the field. */
  pointer: string;
  detail: string;
}

interface ProblemOptions {
  status: number;
  /** Stable, for machines. */
  code: string;
  detail: string;
  /** The way out. */
  hint?: string;
  errors?: FieldError[];
  headers?: Record<string, string>;
}

/** A request that cannot be served, as RFC 9457 words it. Thrown anywhere, answered in one place. */
export class Problem extends Error {
  override name = 'Problem';
  readonly options: ProblemOptions;

  constructor(options: ProblemOptions) {
    super(options.detail);
    this.options = options;
  }
}

export function notFound(id: string): Problem {
  return new Problem({
    status: 404,
    code: 'preview_not_found',
    detail: `there is no preview ${JSON.stringify(id.slice(0, 64))}`,
    hint: 'give its UUID or the first 8 hex digits; GET /previews lists them',
  });
}

const RETRYABLE = new Set([429, 500, 502, 503, 504]);

export function sendProblem(
  response: Response,
  { status, code, detail, hint, errors, headers }: ProblemOptions,
): void {
  response
    .status(status)
    .set(headers ?? {})
    .type('application/problem+json');
  response.send(
    JSON.stringify({
      type: 'about:blank',
      title: STATUS_CODES[status] ?? 'Error',
      status,
      detail,
      instance: response.req.originalUrl,
      code,
      request_id: response.get('x-request-id'),
      retryable: RETRYABLE.has(status),
      ...(hint === undefined ? {} : { hint }),
      ...(errors === undefined ? {} : { errors }),
    }),
  );
}

/** What body parsing throws, by its `type`, in our words. */
const BODY_PROBLEMS: Readonly<Record<string, ProblemOptions>> = {
  'entity.parse.failed': {
    status: 400,
    code: 'malformed_json',
    detail: 'the body is not JSON',
    hint: 'check quotes and commas; the smallest body is {}',
  },
  'entity.too.large': {
    status: 413,
    code: 'body_too_large',
    detail: 'the body is larger than 64 kB',
    hint: 'environment variables may take 16 kB; put files into the image',
  },
  'encoding.unsupported': {
    status: 415,
    code: 'unsupported_encoding',
    detail: 'the body has a content encoding that is not supported',
    hint: 'send it as it is, or with gzip',
  },
  'charset.unsupported': {
    status: 415,
    code: 'unsupported_charset',
    detail: 'the body has a charset other than UTF-8',
    hint: 'send UTF-8',
  },
};

/** The last handler: every error becomes a problem, and only defects of ours are logged as errors. */
export function problemHandler(log: Log): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent) {
      next(error);
      return;
    }
    if (error instanceof Problem) {
      sendProblem(response, error.options);
      return;
    }
    const { type, status } = error as { type?: string; status?: number };
    const body = type === undefined ? undefined : BODY_PROBLEMS[type];
    if (body) {
      sendProblem(response, body);
      return;
    }
    if (status !== undefined && status >= 400 && status < 500) {
      const detail = 'the request cannot be read';
      sendProblem(response, { status, code: 'bad_request', detail, hint: 'see GET /openapi.json' });
      return;
    }
    log.error({ err: error, path: request.path }, 'request failed');
    sendProblem(response, { ...ofFault(error), headers: { 'retry-after': '2' } });
  };
}

function ofFault(error: unknown): ProblemOptions {
  const fromAws = error instanceof Error && '$metadata' in error;
  const unreachable = error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED';
  if (!fromAws && !unreachable) {
    return { status: 500, code: 'internal_error', detail: 'Tempus failed', hint: 'the log has the cause' };
  }
  const { reason } = classify(error);
  const detail = `the table of previews cannot be used at the moment (${reason})`;
  return { status: 503, code: 'table_unavailable', detail, hint: 'try again; nothing was changed half-way' };
}
