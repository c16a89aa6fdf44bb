import type { NormalizedSchema } from '@smithy/core/schema';

/** One element: its children, or the text that it holds. */
interface Element {
  name: string;
  children: Element[];
  text: string;
}

/**
 * The result element of a Query answer as an object in the form of its schema. Elements that the schema does not know
 * are kept under their own names, which is what the SDK's own deserialiser does not do.
 */
export function parseResult(schema: NormalizedSchema, xml: string): unknown {
  const [response] = parse(xml).children;
  const result = response?.children.find(({ name }) => name.endsWith('Result'));
  return result ? valueOf(schema, result) : {};
}

function parse(xml: string): Element {
  const root: Element = { name: '', children: [], text: '' };
  const open = [root];
  for (const [, close, name, selfClosing, text] of xml.matchAll(/<(\/?)([\w:]+)[^>]*?(\/?)>|([^<]+)/g)) {
    const parent = open.at(-1) ?? root;
    if (text !== undefined) parent.text += text;
    else if (close) open.pop();
    else if (name !== undefined) {
      const element: Element = { name, children: [], text: '' };
      parent.children.push(element);
      if (!selfClosing) open.push(element);
    }
  }
  return root;
}

function valueOf(schema: NormalizedSchema | undefined, { children, text }: Element): unknown {
  if (schema?.isListSchema()) return children.map((child) => valueOf(schema.getValueSchema(), child));
  if (schema?.isStructSchema() || children.length > 0) {
    const members = new Map(schema?.isStructSchema() ? schema.structIterator() : []);
    return Object.fromEntries(children.map((child) => [child.name, valueOf(members.get(child.name), child)]));
  }
  return text;
}
