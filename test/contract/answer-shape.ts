import { NormalizedSchema } from '@smithy/core/schema';

import { requiredMembers } from '../../localcloud/wire/required.ts';
import { ALWAYS_PRESENT } from './always-present.ts';
import type { ServiceName } from './operations.ts';
import { parseResult } from './xml-result.ts';

/** What is wrong with one answer, in words that name the place. */
export type Fault = string;

/** Another endpoint may answer more than this SDK knows, and AWS will one day; a model of ours may not. */
export const SURPLUS = "is not in the SDK's shape";

/**
 * Holds the raw body of a successful answer against the SDK's output schema: the deserialiser drops what it does not
 * know and does not miss what is absent, so that it would hide a misspelt member and a forgotten one.
 */
export function faultsOf(service: ServiceName, outputSchema: unknown, body: string): Fault[] {
  const resolved: unknown = typeof outputSchema === 'function' ? outputSchema() : outputSchema;
  const schema = NormalizedSchema.of(resolved as Parameters<typeof NormalizedSchema.of>[0]);
  const answer =
    service === 'elbv2' || service === 'sts'
      ? parseResult(schema, body)
      : (JSON.parse(body || '{}') as unknown);
  return new Comparison(service).compare(schema, answer, schema.getName() ?? 'the output');
}

class Comparison {
  readonly #alwaysPresent: Readonly<Record<string, readonly string[]>>;

  constructor(service: ServiceName) {
    this.#alwaysPresent = ALWAYS_PRESENT[service];
  }

  compare(schema: NormalizedSchema, value: unknown, at: string): Fault[] {
    if (value === undefined) return [];
    if (schema.isUnitSchema()) return isObject(value) && isEmpty(value) ? [] : [`${at} ${SURPLUS}`];
    if (schema.isStructSchema()) return this.#struct(schema, value, at);
    if (schema.isListSchema()) {
      if (!Array.isArray(value)) return [`${at} is no list`];
      return value.flatMap((item, i) => this.compare(schema.getValueSchema(), item, `${at}[${i}]`));
    }
    if (schema.isMapSchema()) {
      if (!isObject(value)) return [`${at} is no map`];
      const entries = Object.entries(value);
      return entries.flatMap(([key, item]) => this.compare(schema.getValueSchema(), item, `${at}.${key}`));
    }
    if (value === null) return [`${at} is null`];
    return typeof value === 'object' ? [`${at} is no plain value`] : [];
  }

  #struct(schema: NormalizedSchema, value: unknown, at: string): Fault[] {
    if (!isObject(value)) return [`${at} is no structure`];
    const members = new Map(schema.structIterator());
    const expected = [...requiredMembers(schema), ...(this.#alwaysPresent[schema.getName() ?? ''] ?? [])];
    return [
      ...Object.keys(value)
        .filter((name) => !members.has(name))
        .map((name) => `${at}.${name} ${SURPLUS}`),
      ...[...new Set(expected)]
        .filter((name) => value[name] === undefined || value[name] === null)
        .map((name) => `${at}.${name} is missing`),
      ...[...members].flatMap(([name, member]) => this.compare(member, value[name], `${at}.${name}`)),
    ];
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isEmpty(value: object): boolean {
  return Object.keys(value).length === 0;
}
