import { readFileSync } from 'node:fs';

/** A root variable as it is declared; `terraform fmt` has put every block and argument where it is looked for here. */
export interface Declaration {
  name: string;
  text: string;
}

export function declarationsOf(file: string): Declaration[] {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/^variable "(\w+)" \{\n(.*?)^\}$/gms)].map(([, name = '', body = '']) => ({
    name,
    text: body,
  }));
}
