import type { IncomingMessage } from 'node:http';
import type { Protocol } from './answer.ts';
import { readJson, SerializationError } from './json-codec.ts';
import { readQuery, readText } from './query-codec.ts';
import type { Operation, Service } from './service.ts';

export interface Services {
  /** By the part of X-Amz-Target before the dot. */
  json: Readonly<Record<string, Service>>;
  /** By version of the API: all Query services look alike, and nothing else tells them apart. */
  query: Readonly<Record<string, Service>>;
  rest: Service;
}

/** What a request asks for. What nothing here answers to is still named, so that the refusal can name it. */
export interface Route {
  protocol: Protocol;
  name: string;
  /** Absent: no modelled service. */
  service?: Service;
  /** Absent: not an operation of the service's model. */
  operation?: Operation;
  /** Reads the input; throws SerializationError. */
  input: () => unknown;
}

/** Finds the operation that a request names, in whichever of the protocols it speaks. */
export function routeOf(request: IncomingMessage, body: Buffer, services: Services): Route {
  const target = request.headers['x-amz-target'];
  const type = request.headers['content-type'] ?? '';
  if (typeof target === 'string') return routeJson(type, splitTarget(target), body, services);
  if (type.startsWith('application/x-www-form-urlencoded')) return routeQuery(body, services.query);
  return routeRest(request, body, services.rest);
}

/** `DynamoDB_20120810.GetItem` as its service and its operation. */
export function splitTarget(target: string): [service: string, operation: string] {
  const dot = target.lastIndexOf('.');
  return [target.slice(0, Math.max(dot, 0)), target.slice(dot + 1)];
}

function parse(body: Buffer): unknown {
  if (body.length === 0) return {};
  try {
    // A bare null would pass for a member that is absent.
    return JSON.parse(body.toString('utf8')) ?? 'null';
  } catch {
    throw new SerializationError('', 'JSON');
  }
}

function found(
  protocol: Protocol,
  name: string,
  service: Service | undefined,
  read: (operation: Operation) => unknown,
): Route {
  const operation = service?.operations.get(name);
  return {
    protocol,
    name,
    ...(service ? { service } : {}),
    ...(operation ? { operation } : {}),
    input: () => operation && read(operation),
  };
}

function routeJson(
  contentType: string,
  [prefix, name]: [string, string],
  body: Buffer,
  { json }: Services,
): Route {
  const protocol = contentType.includes('json-1.0') ? 'json-1.0' : 'json-1.1';
  const service = Object.hasOwn(json, prefix) ? json[prefix] : undefined;
  return found(protocol, name, service, ({ input }) => readJson(input, parse(body)));
}

function routeQuery(body: Buffer, services: Services['query']): Route {
  const form = new URLSearchParams(body.toString('utf8'));
  const version = form.get('Version') ?? '';
  const known = Object.hasOwn(services, version) ? services[version] : undefined;
  return found('query', form.get('Action') ?? '', known, ({ input }) => readQuery(input, form));
}

function routeRest({ method = '', url = '/' }: IncomingMessage, body: Buffer, service: Service): Route {
  const [path = '', search = ''] = url.split('?', 2);
  for (const { name, http } of service.operations.values()) {
    const labels = http && matchPath(http, method, path);
    if (!labels) continue;
    const query = new URLSearchParams(search);
    return found('rest-json', name, service, (operation) => readRest(operation, labels, query, parse(body)));
  }
  return { protocol: 'rest-json', service, name: `${method} ${path}`, input: () => undefined };
}

/** The raw labels of a path template such as `/schedules/{Name}`, or undefined where the request is for another one. */
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
    if (label) labels.set(label, given);
    else if (part !== given) return undefined;
  }
  return labels;
}

/** Members come from the path, from the query string or from the body, as their traits say. */
function readRest(
  { input }: Operation,
  labels: ReadonlyMap<string, string>,
  query: URLSearchParams,
  body: unknown,
): unknown {
  const unbound = readJson(input, body) as Readonly<Record<string, unknown>>;
  const members: [string, unknown][] = [];
  for (const [name, schema] of input.structIterator()) {
    const { httpLabel, httpQuery } = schema.getMergedTraits();
    if (httpLabel) members.push([name, readText(schema, decode(labels.get(name) ?? ''), name)]);
    else if (httpQuery === undefined) members.push([name, unbound[name]]);
    else {
      const asked = query.get(httpQuery);
      if (asked !== null) members.push([name, readText(schema, asked, name)]);
    }
  }
  return Object.fromEntries(members.filter(([, value]) => value !== undefined));
}

function decode(label: string): string {
  try {
    return decodeURIComponent(label);
  } catch {
    throw new SerializationError('the path', 'percent-encoded');
  }
}
