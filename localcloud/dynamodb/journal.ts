import {
  appendFileSync,
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** An ordered list of entries. An entry has survived a kill -9 of this process once `append` has returned. */
export interface Journal<E> {
  append(entry: E): void;
  /** Replaces everything by `entries` in one step: a reader after a crash finds the old list or the new one. */
  rewrite(entries: Iterable<E>): void;
  /** How much the journal takes up, in bytes. */
  size(): number;
  close(): void;
}

/** Keeps nothing: for tests and for a database in memory. */
export function forgetfulJournal<E>(): Journal<E> {
  return { append() {}, rewrite() {}, size: () => 0, close() {} };
}

/**
 * Opens a journal of JSON lines and reads what it holds. A last line without its end is what a kill in the middle of
 * an append leaves: it was never acknowledged, so it is cut off. Anything else unreadable is an error.
 */
export function openJournal<E>(file: string): { entries: E[]; journal: Journal<E> } {
  mkdirSync(dirname(file), { recursive: true });
  const fd = openSync(file, 'a+');
  const content = readFileSync(fd);
  const whole = content.lastIndexOf('\n') + 1;
  if (whole < content.length) ftruncateSync(fd, whole);
  const lines = content.toString('utf8', 0, whole).split('\n').slice(0, -1);
  const entries = lines.map((line, n) => {
    try {
      return JSON.parse(line) as E;
    } catch (error) {
      throw new Error(`line ${n + 1} of the journal ${file} cannot be read`, { cause: error });
    }
  });
  return { entries, journal: new FileJournal<E>(file, fd) };
}

class FileJournal<E> implements Journal<E> {
  readonly #file: string;
  #fd: number;

  constructor(file: string, fd: number) {
    this.#file = file;
    this.#fd = fd;
  }

  append(entry: E): void {
    const before = this.size();
    try {
      appendFileSync(this.#fd, `${JSON.stringify(entry)}\n`);
    } catch (error) {
      // A full disk takes half a line. The next entry must not be glued to it.
      ftruncateSync(this.#fd, before);
      throw error;
    }
  }

  rewrite(entries: Iterable<E>): void {
    const next = openSync(`${this.#file}.next`, 'w');
    for (const entry of entries) appendFileSync(next, `${JSON.stringify(entry)}\n`);
    closeSync(next);
    renameSync(`${this.#file}.next`, this.#file);
    closeSync(this.#fd);
    this.#fd = openSync(this.#file, 'a+');
  }

  size(): number {
    return fstatSync(this.#fd).size;
  }

  close(): void {
    closeSync(this.#fd);
  }
}
