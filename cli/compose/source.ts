import { isCollection, isMap, isScalar, LineCounter, type Node, parseDocument } from 'yaml';

export type Path = readonly (string | number)[];

const MOST_BYTES = 256 * 1024;
/** More aliases than any file of people has; fewer than make a small file a huge one. */
const MOST_ALIASES = 100;

/** A Compose file as values, what is wrong with it, and where in the file each thing stands. */
export class ComposeSource {
  readonly value: unknown;
  readonly faults: string[] = [];
  readonly notes: string[] = [];
  readonly #file: string;
  readonly #lines = new LineCounter();
  readonly #root: Node | null = null;

  /** What cannot be read at all is a fault, and then there is no value. */
  constructor(text: string, file: string) {
    this.#file = file;
    if (Buffer.byteLength(text) > MOST_BYTES) {
      this.faults.push(`${file}: must be at most ${MOST_BYTES / 1024} KiB`);
      return;
    }
    const document = parseDocument(text, { lineCounter: this.#lines, merge: true, uniqueKeys: true });
    for (const { message, pos } of document.errors) {
      const [first = ''] = message.split('\n');
      this.faults.push(`${this.#place(pos[0])}: ${first.replace(/ at line \d+, column \d+:?$/, '')}`);
    }
    if (this.faults.length > 0) return;
    this.#root = document.contents;
    try {
      this.value = document.toJS({ maxAliasCount: MOST_ALIASES });
    } catch (error) {
      this.faults.push(`${file}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** Says what is wrong at a place, and the way out. */
  fault(path: Path, message: string): void {
    this.faults.push(`${this.#where(path)}: ${path.length > 0 ? `${path.join('.')}: ` : ''}${message}`);
  }

  note(path: Path, message: string): void {
    this.notes.push(`${path.join('.')}: ${message}`);
  }

  /** `file:line:column` of a value, or of what holds it where it came by an alias or a merge. */
  #where(path: Path): string {
    let node: unknown = this.#root;
    let found = this.#root?.range?.[0] ?? 0;
    for (const part of path) {
      if (!isCollection(node)) break;
      if (isMap(node)) {
        const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part));
        const key = pair?.key as Node | undefined;
        if (!pair || !key) break;
        found = key.range?.[0] ?? found;
        node = pair.value;
      } else {
        node = node.get(part, true);
        found = (node as Node | undefined)?.range?.[0] ?? found;
      }
    }
    return this.#place(found);
  }

  #place(offset: number): string {
    const { line, col } = this.#lines.linePos(offset);
    return `${this.#file}:${line}:${col}`;
  }
}
