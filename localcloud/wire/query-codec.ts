import type { NormalizedSchema } from '@smithy/core/schema';
import { SerializationError } from './json-codec.ts';

/** Dotted form keys as a tree: `Tags.member.1.Key=a` is { Tags: { member: { 1: { Key: 'a' } } } }. */
interface Node {
  value?: string;
  children: Map<string, Node>;
}

/** A form-encoded Query body as the model's input, typed by the operation's schema. */
export function readQuery(schema: NormalizedSchema, form: URLSearchParams): unknown {
  const root: Node = { children: new Map() };
  for (const [key, value] of form) {
    let node = root;
    for (const part of key.split('.')) {
      const next = node.children.get(part) ?? { children: new Map() };
      node.children.set(part, next);
      node = next;
    }
    node.value = value;
  }
  return readNode(schema, root, '');
}

function readNode(schema: NormalizedSchema, node: Node, at: string): unknown {
  if (schema.isStructSchema()) {
    const members: [string, unknown][] = [];
    for (const [name, member] of schema.structIterator()) {
      const child = node.children.get(name);
      if (child) members.push([name, readNode(member, child, at ? `${at}.${name}` : name)]);
    }
    return Object.fromEntries(members);
  }
  if (schema.isListSchema()) {
    const items = [...(node.children.get('member')?.children ?? [])].toSorted(
      ([a], [b]) => Number(a) - Number(b),
    );
    return items.map(([index, item]) => readNode(schema.getValueSchema(), item, `${at}.member.${index}`));
  }
  return readText(schema, node.value ?? '', at);
}

/** A member that stands in a form, a path or a query string. */
export function readText(schema: NormalizedSchema, text: string, at: string): unknown {
  if (schema.isNumericSchema()) {
    const number = Number(text);
    if (text === '' || Number.isNaN(number)) throw new SerializationError(at, 'a number');
    return number;
  }
  if (schema.isBooleanSchema()) {
    if (text !== 'true' && text !== 'false') throw new SerializationError(at, 'true or false');
    return text === 'true';
  }
  if (schema.isTimestampSchema()) {
    const date = new Date(text);
    if (Number.isNaN(date.getTime())) throw new SerializationError(at, 'a timestamp');
    return date;
  }
  return text;
}

// A bare carriage return would reach the reader as a line feed.
const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\r': '&#xD;',
};

export function escapeXml(text: string): string {
  return text.replace(/[&<>"\r]/g, (char) => ENTITIES[char] ?? char);
}

/** A model's output as the XML of the Query protocol: lists in `member` elements, timestamps in ISO 8601. */
export function writeXml(schema: NormalizedSchema, value: unknown): string {
  if (value === null || value === undefined) return '';
  if (value instanceof Date) return value.toISOString();
  if (schema.isStructSchema()) {
    const object = value as Record<string, unknown>;
    return [...schema.structIterator()]
      .filter(([name]) => object[name] !== undefined && object[name] !== null)
      .map(([name, member]) => `<${name}>${writeXml(member, object[name])}</${name}>`)
      .join('');
  }
  if (schema.isListSchema()) {
    const items = (value as unknown[]).map(
      (item) => `<member>${writeXml(schema.getValueSchema(), item)}</member>`,
    );
    return items.join('');
  }
  return escapeXml(`${value as string | number | boolean}`);
}
