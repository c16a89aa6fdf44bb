import { TempusClient } from '../client/client.ts';
import { type Clock, systemClock } from '../platform/clock.ts';
import { type Env, processEnv } from '../platform/config.ts';
import { print, printError } from '../platform/terminal.ts';
import type { PreviewView } from '../preview/view.ts';
import { EXIT, Exit } from './exit-codes.ts';
import { serverAddress } from './server-address.ts';

export type Format = 'table' | 'json' | 'id' | 'url';

export interface GlobalOptions {
  output: Format;
  server?: string;
  quiet?: boolean;
}

/** What every command works with. Data goes to stdout, everything else to stderr. */
export interface Context {
  client: TempusClient;
  clock: Clock;
  env: Env;
  format: Format;
  /** Data. */
  out: (text: string) => void;
  /** What a person may want to know meanwhile. */
  tell: (text: string) => void;
  /** Aborts at Ctrl-C. */
  interrupted: AbortSignal;
}

export function createContext({ output, server, quiet }: GlobalOptions): Context {
  const env = processEnv();
  const clock = systemClock;
  const interrupted = new AbortController();
  process.once('SIGINT', () => {
    interrupted.abort();
    // A second one does not wait for anything.
    process.once('SIGINT', () => process.exit(EXIT.interrupted));
  });
  return {
    client: new TempusClient({ server: checked(serverAddress(server, env)), clock }),
    clock,
    env,
    format: output,
    out: print,
    tell: quiet ? () => undefined : printError,
    interrupted: interrupted.signal,
  };
}

function checked(server: string): string {
  if (URL.canParse(server) && /^https?:$/.test(new URL(server).protocol)) return server;
  throw new Exit(
    EXIT.usage,
    `${server} is not the address of a server`,
    'it must begin with http:// or https://',
  );
}

/** A preview in the form that was asked for; `table` is the command's own. */
export function show(view: PreviewView, { format, out }: Context, table: (view: PreviewView) => void): void {
  switch (format) {
    case 'json':
      return out(JSON.stringify(view, undefined, 2));
    case 'id':
      return out(view.id);
    case 'url':
      return out(view.preview_url);
    case 'table':
      return table(view);
  }
}

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){0,3}(-[0-9a-f]{12})?$/i;

/** The id that a person typed: an id as it is, else the one live preview of that name. */
export async function resolveId(typed: string, { client }: Context): Promise<string> {
  if (ID.test(typed)) return typed;
  const named = (await client.list()).filter(({ name }) => name === typed);
  const [only, ...more] = named;
  if (!only) {
    throw new Exit(
      EXIT.not_found,
      `there is no preview ${typed}`,
      'no id and no name matches',
      'next: tempus ls',
    );
  }
  if (more.length > 0) {
    const ids = named.map(({ id }) => id).join(', ');
    throw new Exit(
      EXIT.conflict,
      `${named.length} previews are named ${typed}`,
      ids,
      'next: give one of these ids',
    );
  }
  return only.preview_id;
}
