import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

/** One place of the product, changed as it is loaded. */
export interface Edit {
  /** From the root of the repository. */
  file: string;
  find: string;
  replace: string;
}

/** A defect on purpose. Where two lines of defence stand behind each other, both have to fall: `also`. */
export interface Mutant extends Edit {
  name: string;
  also?: readonly Edit[];
}

const ROOT = new URL('../../', import.meta.url);

/** Throws unless each text to replace stands in its file exactly once: a mutant must not outlive what it mutates. */
export function checkMutant({ name, also = [], ...first }: Mutant): void {
  for (const { file, find } of [first, ...also]) {
    const times = readFileSync(new URL(file, ROOT), 'utf8').split(find).length - 1;
    if (times !== 1) throw new Error(`the mutant "${name}" finds its place in ${file} ${times} times`);
  }
}

/** Makes this thread load the product with the defect. */
export function mutate(mutant: Mutant): void {
  checkMutant(mutant);
  const { also = [], ...first } = mutant;
  const edits = [first, ...also].map((edit) => ({ ...edit, url: new URL(edit.file, ROOT).href }));
  registerHooks({
    load(url, context, next) {
      const loaded = next(url, context);
      const here = edits.filter((edit) => edit.url === url);
      if (here.length === 0) return loaded;
      const text = readFileSync(new URL(url), 'utf8');
      const source = here.reduce((changed, { find, replace }) => changed.replace(find, () => replace), text);
      return { ...loaded, source };
    },
  });
}
