import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

/** A defect on purpose: one place of the product, changed as it is loaded. */
export interface Mutant {
  name: string;
  /** From the root of the repository. */
  file: string;
  find: string;
  replace: string;
}

const ROOT = new URL('../../', import.meta.url);

/** Throws unless the text to replace stands in the file exactly once: a mutant must not outlive what it mutates. */
export function checkMutant({ name, file, find }: Mutant): void {
  const times = readFileSync(new URL(file, ROOT), 'utf8').split(find).length - 1;
  if (times !== 1) throw new Error(`the mutant "${name}" finds its place in ${file} ${times} times`);
}

/** Makes this thread load the product with the defect. */
export function mutate(mutant: Mutant): void {
  checkMutant(mutant);
  const target = new URL(mutant.file, ROOT).href;
  registerHooks({
    load(url, context, next) {
      const loaded = next(url, context);
      if (url !== target) return loaded;
      const source = readFileSync(new URL(url), 'utf8').replace(mutant.find, () => mutant.replace);
      return { ...loaded, source };
    },
  });
}
