import type { NormalizedSchema } from '@smithy/core/schema';

/** The body is not what the operation's schema says. `member` is the path to the first part that is not. */
export class SerializationError extends Error {
  override name = 'SerializationException';

  constructor(member: string, expected: string) {
    super(`${member || 'the body'} must be ${expected}`);
  }
}

/** A parsed JSON body as the model's input. Members that the schema does not know are dropped, as AWS does. */
export function readJson(schema: NormalizedSchema, value: unknown, at = ''): unknown {
  if (value === null || value === undefined) return undefined;
  if (schema.isStructSchema()) {
    const object = expectObject(value, at);
    const members: [string, unknown][] = [];
    for (const [name, member] of schema.structIterator()) {
      const read = readJson(member, object[name], at ? `${at}.${name}` : name);
      if (read !== undefined) members.push([name, read]);
    }
    return Object.fromEntries(members);
  }
  if (schema.isListSchema()) {
    if (!Array.isArray(value)) throw new SerializationError(at, 'a list');
    return value.map((item, index) => readJson(schema.getValueSchema(), item, `${at}[${index}]`));
  }
  if (schema.isMapSchema()) {
    const entries = Object.entries(expectObject(value, at));
    return Object.fromEntries(
      entries.map(([k, v]) => [k, readJson(schema.getValueSchema(), v, `${at}.${k}`)]),
    );
  }
  return readScalar(schema, value, at);
}

function readScalar(schema: NormalizedSchema, value: unknown, at: string): unknown {
  if (schema.isTimestampSchema()) {
    const date = typeof value === 'number' ? new Date(value * 1000) : new Date(String(value));
    if (Number.isNaN(date.getTime())) throw new SerializationError(at, 'a timestamp');
    return date;
  }
  if (schema.isNumericSchema() && typeof value !== 'number') throw new SerializationError(at, 'a number');
  if (schema.isBooleanSchema() && typeof value !== 'boolean')
    throw new SerializationError(at, 'true or false');
  if (schema.isStringSchema() && typeof value !== 'string') throw new SerializationError(at, 'a string');
  return schema.isBlobSchema() ? Buffer.from(String(value), 'base64') : value;
}

function expectObject(value: unknown, at: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new SerializationError(at, 'an object');
}

/** A model's output as a JSON body. Timestamps are epoch seconds. */
export function writeJson(schema: NormalizedSchema, value: unknown): unknown {
  if (value === null || value === undefined) return undefined;
  if (value instanceof Date) return value.getTime() / 1000;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (schema.isStructSchema()) {
    const object = value as Record<string, unknown>;
    const members = [...schema.structIterator()].map(([name, member]) => [
      name,
      writeJson(member, object[name]),
    ]);
    return Object.fromEntries(members);
  }
  if (schema.isListSchema())
    return (value as unknown[]).map((item) => writeJson(schema.getValueSchema(), item));
  if (schema.isMapSchema()) {
    const entries = Object.entries(value as Record<string, unknown>);
    return Object.fromEntries(entries.map(([k, v]) => [k, writeJson(schema.getValueSchema(), v)]));
  }
  return value;
}
