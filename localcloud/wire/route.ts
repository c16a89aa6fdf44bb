import type { IncomingMessage } from 'node:http';
import type { Protocol } from './answer.ts';
import { readJson, SerializationError } from './json-codec.ts';
import { readQuery } from './query-codec.ts';
import type { Operation, Service } from './service.ts';

export interface Services {
  /** By the part of X-Amz-Target before the dot. */
  json: Readonly<Record<string, Service>>;
  query: Service;
  rest: Service;
}

/** What a request asks for. An operation that the model lacks is still named, so that the refusal can name it. */
export interface Route {
  protocol: Protocol;
  service: Service;
  name: string;
  operation?: Operation;
  /** Reads the input; throws SerializationError. */
  input: () => unknown;
}

/** Finds the operation that a request names, in whichever of the protocols it speaks. */
export function routeOf(request: IncomingMessage, body: Buffer, services: Services): Route | undefined {
  const target = request.headers['x-amz-target'];
  if (typeof target === 'string') return routeJson(request, target, body, services);
  const type = request.headers['content-type'] ?? '';
  if (type.startsWith('application/x-www-form-urlencoded')) return routeQuery(body, services.query);
  return routeRest(request, body, services.rest);
}

function parse(body: Buffer): unknown {
  if (body.length === 0) return {};
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new SerializationError('', 'JSON');
  }
}

function routeJson(
  { headers }: IncomingMessage,
  target: string,
  body: Buffer,
  { json }: Services,
): Route | undefined {
  const dot = target.lastIndexOf('.');
  const service = json[target.slice(0, dot)];
  if (!service) return undefined;
  const name = target.slice(dot + 1);
  const operation = service.operations.get(name);
  const protocol = headers['content-type']?.includes('json-1.0') ? 'json-1.0' : 'json-1.1';
  const input = () => operation && readJson(operation.input, parse(body));
  return { protocol, service, name, ...(operation ? { operation } : {}), input };
}

function routeQuery(body: Buffer, service: Service): Route {
  const form = new URLSearchParams(body.toString('utf8'));
  const name = form.get('Action') ?? '';
  const operation = service.operations.get(name);
  const input = () => operation && readQuery(operation.input, form);
  return { protocol: 'query', service, name, ...(operation ? { operation } : {}), input };
}

function routeRest(request: IncomingMessage, body: Buffer, service: Service): Route | undefined {
  const url = new URL(request.url ?? '/', 'http://localhost');
  for (const operation of service.operations.values()) {
    const labels = operation.http && matchPath(operation.http, request.method ?? '', url.pathname);
    if (!labels) continue;
    const input = () => readRest(operation, labels, url.searchParams, parse(body));
    return { protocol: 'rest-json', service, name: operation.name, operation, input };
  }
  return {
    protocol: 'rest-json',
    service,
    name: `${request.method} ${url.pathname}`,
    input: () => undefined,
  };
}

/** The labels of a path template such as `/schedules/{Name}`, or undefined where the request is for another one. */
function matchPath(
  [method, template]: NonNullable<Operation['http']>,
  asked: string,
  path: string,
): Map<string, string> | undefined {
  const [want, have] = [template.split('/'), path.split('/')];
  if (method !== asked || want.length !== have.length) return undefined;
  const labels = new Map<string, string>();
  for (const [at, part] of want.entries()) {
    const given = have[at] ?? '';
    const label = /^\{(\w+)\}$/.exec(part)?.[1];
    if (label) labels.set(label, decodeURIComponent(given));
    else if (part !== given) return undefined;
  }
  return labels;
}

/** Members come from the path, from the query string or from the body, as their traits say. */
function readRest(
  { input }: Operation,
  labels: Map<string, string>,
  query: URLSearchParams,
  body: unknown,
): unknown {
  const members: [string, unknown][] = [];
  const rest = (body ?? {}) as Record<string, unknown>;
  for (const [name, schema] of input.structIterator()) {
    const traits = schema.getMergedTraits();
    const asked = traits['httpQuery'] === undefined ? undefined : query.get(traits['httpQuery']);
    const text = traits['httpLabel'] ? labels.get(name) : (asked ?? undefined);
    const value = text === undefined ? rest[name] : schema.isNumericSchema() ? Number(text) : text;
    if (value !== undefined) members.push([name, readJson(schema, value, name)]);
  }
  return Object.fromEntries(members);
}
