import { TempusClient } from '../client/client.ts';
import { type Clock, systemClock } from '../platform/clock.ts';
import { processEnv } from '../platform/config.ts';
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
  /** The same client over another way of asking. */
  clientOver: (fetcher: typeof fetch) => TempusClient;
  clock: Clock;
  format: Format;
  /** Data. */
  out: (text: string) => void;
  /** What a person may want to know meanwhile. */
  tell: (text: string) => void;
  /** Aborts at Ctrl-C. */
  interrupted: AbortSignal;
}

export function createContext({ output, server, quiet }: GlobalOptions): Context {
  const clock = systemClock;
  const env = processEnv();
  const address = checked(serverAddress(server, env));
  // From the environment only: what is typed behind a flag stands in the shell's history.
  const known = { server: address, token: env['TEMPUS_TOKEN'] || undefined, clock };
  return {
    client: new TempusClient(known),
    clientOver: (fetcher) => new TempusClient({ ...known, fetch: fetcher }),
    clock,
    format: output,
    out: print,
    tell: quiet ? () => undefined : printError,
    interrupted: listenForInterrupt(clock),
  };
}

/** npm and tempus.js pass on the Ctrl-C that the terminal has sent to every process already: that is still the first. */
const SAME_PRESS_MS = 500;

function listenForInterrupt(clock: Clock): AbortSignal {
  const interrupted = new AbortController();
  let first: number | undefined;
  process.on('SIGINT', () => {
    first ??= clock.monotonic();
    // A second press does not wait for anything.
    if (clock.monotonic() - first > SAME_PRESS_MS) process.exit(EXIT.interrupted);
    interrupted.abort();
  });
  return interrupted.signal;
}

function checked(server: string): string {
  if (URL.canParse(server) && /^https?:$/.test(new URL(server).protocol)) return server;
  throw new Exit(
    'usage',
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
      // Where the place decides the address, there is none before there is a place.
      return view.preview_url === '' ? undefined : out(view.preview_url);
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
    throw new Exit('not_found', `there is no preview ${typed}`, 'no id and no name matches', 'tempus ls');
  }
  if (more.length > 0) {
    const ids = named.map(({ id }) => id).join(', ');
    throw new Exit('conflict', `${named.length} previews are named ${typed}`, ids, 'give one of these ids');
  }
  return only.preview_id;
}
