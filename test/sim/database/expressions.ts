import { createRequire } from 'node:module';
import type { TypedItem } from './attribute-values.ts';

/** What dynalite's parsers make of an expression; opaque here, for dynalite's own evaluation. */
export interface Parsed {
  _updates?: object;
  _condition?: object;
  _keyCondition?: { expression: object };
}

export interface Expressions {
  UpdateExpression?: string | undefined;
  ConditionExpression?: string | undefined;
  KeyConditionExpression?: string | undefined;
  ExpressionAttributeNames?: Record<string, string> | undefined;
  ExpressionAttributeValues?: TypedItem | undefined;
}

// The same modules that the laptop's DynamoDB runs; see localcloud/dynamodb/dynalite-engine.ts.
const load = createRequire(import.meta.url);
const { validateExpressions } = load('dynalite/validations/index.js') as {
  validateExpressions: (data: object) => string | undefined;
};

/** A request that DynamoDB refuses as such, in dynalite's words. */
export class ValidationError extends Error {
  override name = 'ValidationException';
}

const templates = new Map<string, Parsed>();

/**
 * Parses what a request says. Parsing is most of what a write costs, and dynalite puts the values of a request into
 * its tree as it parses. So a tree is kept for each text, with the values of its first request in it, and each later
 * request gets a copy with values of its own in their place. The types of values are part of the key: parsing checks
 * them.
 */
export function parseExpressions(request: Expressions): Parsed {
  const values = request.ExpressionAttributeValues ?? {};
  const types = Object.entries(values).map(([name, value]) => `${name}:${Object.keys(value)[0]}`);
  const names = Object.entries(request.ExpressionAttributeNames ?? {});
  const { UpdateExpression, ConditionExpression, KeyConditionExpression } = request;
  const key = [UpdateExpression, ConditionExpression, KeyConditionExpression, names, types].join('|');
  let template = templates.get(key);
  if (!template) {
    template = parse(request);
    templates.set(key, template);
  }
  return filled(template, values) as Parsed;
}

/** Stands where a value stood in a kept tree. */
class Slot {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

function parse(request: Expressions): Parsed {
  const values = structuredClone(request.ExpressionAttributeValues ?? {});
  const data = {
    ...request,
    ...(request.ExpressionAttributeValues ? { ExpressionAttributeValues: values } : {}),
  };
  const refusal = validateExpressions(data);
  if (refusal !== undefined) throw new ValidationError(refusal);
  const slots = new Map<unknown, Slot>(
    Object.entries(values).map(([name, value]) => [value, new Slot(name)]),
  );
  const { _updates, _condition, _keyCondition } = data as Parsed;
  return emptied({ _updates, _condition, _keyCondition }, slots) as Parsed;
}

function emptied(tree: unknown, slots: ReadonlyMap<unknown, Slot>): unknown {
  const slot = slots.get(tree);
  if (slot) return slot;
  if (Array.isArray(tree)) return tree.map((one) => emptied(one, slots));
  if (typeof tree !== 'object' || tree === null) return tree;
  return Object.fromEntries(
    Object.entries(tree)
      .filter(([, one]) => one !== undefined)
      .map(([name, one]) => [name, emptied(one, slots)]),
  );
}

/** A tree of its own for each request: dynalite changes update expressions as it applies them. */
function filled(tree: unknown, values: TypedItem): unknown {
  if (tree instanceof Slot) return values[tree.name];
  if (Array.isArray(tree)) return tree.map((one) => filled(one, values));
  if (typeof tree !== 'object' || tree === null) return tree;
  const copy: Record<string, unknown> = {};
  for (const [name, one] of Object.entries(tree)) copy[name] = filled(one, values);
  return copy;
}
