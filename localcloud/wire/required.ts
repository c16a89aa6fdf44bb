import type { NormalizedSchema } from '@smithy/core/schema';

/** A member that AWS requires is not there. */
export class MissingMemberError extends Error {
  override name = 'MissingMemberError';

  constructor(member: string) {
    super(
      `1 validation error detected: Value null at '${member}' failed to satisfy constraint: Member must not be null`,
    );
  }
}

/** How many of a structure's members are required: they come first in the SDK's schemas. */
const REQUIRED = 6;

function requiredCount(schema: NormalizedSchema): number {
  const definition: unknown = schema.getSchema();
  const count: unknown = Array.isArray(definition) ? definition[REQUIRED] : 0;
  return typeof count === 'number' ? count : 0;
}

/** The names of a structure's required members. */
export function requiredMembers(schema: NormalizedSchema): string[] {
  return [...schema.structIterator()].slice(0, requiredCount(schema)).map(([name]) => name);
}

/** Throws MissingMemberError unless all required members of `value` are there, at every depth. */
export function checkRequired(schema: NormalizedSchema, value: unknown, at = ''): void {
  if (value === undefined) return;
  if (schema.isStructSchema()) {
    const object = value as Readonly<Record<string, unknown>>;
    const required = new Set(requiredMembers(schema));
    for (const [name, member] of schema.structIterator()) {
      const path = `${at && `${at}.`}${name.charAt(0).toLowerCase()}${name.slice(1)}`;
      if (required.has(name) && object[name] === undefined) throw new MissingMemberError(path);
      checkRequired(member, object[name], path);
    }
  } else if (schema.isListSchema()) {
    for (const [index, item] of (value as unknown[]).entries()) {
      checkRequired(schema.getValueSchema(), item, `${at}.${index + 1}.member`);
    }
  }
}
