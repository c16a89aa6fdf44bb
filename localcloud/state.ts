import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Where one model keeps its state. `save` returns only when the state would survive a kill -9 of this process, so
 * a model saves before it answers a call, as a cloud would.
 */
export interface StateStore<T> {
  load(): T | undefined;
  save(state: T): void;
}

/** Keeps nothing on disk: for tests and for the simulation. */
export function memoryState<T>(): StateStore<T> {
  let kept: string | undefined;
  return {
    load: () => (kept === undefined ? undefined : (JSON.parse(kept) as T)),
    save: (state) => {
      kept = JSON.stringify(state);
    },
  };
}

/** One JSON file, replaced whole by a rename, so that a reader finds the old state or the new one, never half. */
export function fileState<T>(file: string): StateStore<T> {
  mkdirSync(dirname(file), { recursive: true });
  return {
    load() {
      try {
        return JSON.parse(readFileSync(file, 'utf8')) as T;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw new Error(`the state file ${file} cannot be read`, { cause: error });
      }
    },
    save(state) {
      writeFileSync(`${file}.next`, JSON.stringify(state));
      renameSync(`${file}.next`, file);
    },
  };
}
