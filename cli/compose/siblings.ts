import type { CreateContainer } from '../../client/types.ts';
import type { ComposeSource } from './source.ts';

/**
 * To Compose the name of a service is a host. The containers of a preview share localhost instead, so a name that is
 * clearly used as a host is replaced: after `://` or `@`, in front of a port, or alone in a variable that ends in HOST.
 */
export function onLocalhost(
  service: string,
  container: CreateContainer,
  siblings: readonly string[],
  source: ComposeSource,
): CreateContainer {
  const replace = (text: string, alone: boolean) => {
    let changed = text;
    for (const name of siblings) {
      const plain = name.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
      if (alone && changed === name) changed = 'localhost';
      changed = changed
        .replaceAll(new RegExp(`(://|@)${plain}(?=[:/?#]|$)`, 'g'), '$1localhost')
        .replaceAll(new RegExp(`(^|[\\s,='"])${plain}(?=:\\d{2,5}\\b)`, 'g'), '$1localhost');
    }
    return changed;
  };
  const env = Object.entries(container.env ?? {}).map(([key, value]) => {
    const changed = replace(value, /HOST(NAME)?$|_ADDR$|_SERVER$/.test(key));
    if (changed !== value)
      source.note(
        ['services', service, 'environment', key],
        `${hidden(value)} becomes ${hidden(changed)}: all share localhost`,
      );
    return [key, changed] as const;
  });
  const command = Array.isArray(container.command)
    ? container.command.map((word) => replace(word, false))
    : container.command;
  if (command !== undefined && String(command) !== String(container.command))
    source.note(['services', service, 'command'], 'names of services become localhost: all share it');
  return {
    ...container,
    ...(container.env ? { env: Object.fromEntries(env) } : {}),
    ...(command === undefined ? {} : { command }),
  };
}

/** A URL without its password. */
function hidden(value: string): string {
  return value.replace(/(:\/\/[^:/@]*):[^@]*@/, '$1:…@');
}
