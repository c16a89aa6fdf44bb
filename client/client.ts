import type { Clock } from '../platform/clock.ts';
import type { PreviewEvent } from '../preview/events.ts';
import type { PreviewView } from '../preview/view.ts';
import { ApiProblem, Unreachable, UnusableToken } from './errors.ts';
import { readData, readLines } from './lines.ts';
import { followLog } from './log-follow.ts';
import type {
  CreatedToken,
  CreateRequest,
  EventPage,
  HistoryQuery,
  ListFilter,
  PreviewList,
  Problem,
  SweepAsked,
  SweepStatus,
  SystemStatus,
  TokenRequest,
} from './types.ts';

export interface ClientDeps {
  /** The API's address, without a slash at its end. */
  server: string;
  /** Shown with every request. Absent: none is, as laptop mode asks for none. */
  token?: string | undefined;
  clock: Clock;
  fetch?: typeof fetch;
}

export interface LogOptions {
  tail?: number;
  since?: string;
  follow?: boolean;
  signal?: AbortSignal;
}

export interface WaitOptions {
  signal?: AbortSignal;
  /** Called for every phase that is seen, the first included. */
  onChange?: (view: PreviewView) => void;
  everyMs?: number;
}

const NDJSON = 'application/x-ndjson';
const POLL_MS = 250;
/** How long to wait before a stream that has ended is asked for again. */
const RECONNECT_MS = 1_000;

/** The API, typed. Rejects with ApiProblem where it refuses and with Unreachable where nobody answers. */
export class TempusClient {
  readonly server: string;
  readonly #token: string | undefined;
  readonly #clock: Clock;
  readonly #fetch: typeof fetch;

  /** Throws UnusableToken where no header could carry the token. */
  constructor({ server, token, clock, fetch: fetcher = fetch }: ClientDeps) {
    this.server = server.replace(/\/+$/, '');
    this.#token = token === undefined ? undefined : checked(token);
    this.#clock = clock;
    this.#fetch = fetcher;
  }

  /** Asks for a preview; the answer is its record, Pending. With a key, asking again answers the first one. */
  async create(request: CreateRequest, options: { idempotencyKey?: string } = {}): Promise<PreviewView> {
    const { idempotencyKey } = options;
    const headers = {
      'content-type': 'application/json',
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    };
    return this.#json('/preview/create', { method: 'POST', headers, body: JSON.stringify(request) });
  }

  get(id: string, { signal }: { signal?: AbortSignal } = {}): Promise<PreviewView> {
    return this.#json(`/preview/${encodeURIComponent(id)}`, signal ? { signal } : {});
  }

  async list({ phase, labels = {} }: ListFilter = {}): Promise<PreviewView[]> {
    const query = new URLSearchParams(phase === undefined ? {} : { phase });
    for (const [key, value] of Object.entries(labels)) query.append('label', `${key}=${value}`);
    const page = await this.#json<PreviewList>(`/previews${query.size > 0 ? `?${query.toString()}` : ''}`);
    return page.items;
  }

  delete(id: string): Promise<PreviewView> {
    return this.#json(`/preview/${encodeURIComponent(id)}`, { method: 'DELETE' });
  }

  /** Asks for another try of what has failed. */
  retry(id: string): Promise<PreviewView> {
    return this.#json(`/preview/${encodeURIComponent(id)}/retry`, { method: 'POST' });
  }

  /** Makes a token for somebody. Takes one with scope admin. */
  createToken(request: TokenRequest): Promise<CreatedToken> {
    const headers = { 'content-type': 'application/json' };
    return this.#json('/tokens', { method: 'POST', headers, body: JSON.stringify(request) });
  }

  /** Within 30 s the token lets nobody in. */
  async revokeToken(id: string): Promise<void> {
    await this.#send(`/tokens/${encodeURIComponent(id)}`, { method: 'DELETE' });
  }

  /** How Tempus itself is doing, and who asks. */
  system(): Promise<SystemStatus> {
    return this.#json('/system');
  }

  /** What the last sweep found left over, and the last request for one. */
  sweep(): Promise<SweepStatus> {
    return this.#json('/system/sweep');
  }

  /** Lets one sweep take up to `max` previews, although its breaker has stopped it. */
  requestSweep(max: number): Promise<SweepAsked> {
    const headers = { 'content-type': 'application/json' };
    return this.#json('/system/sweep', { method: 'POST', headers, body: JSON.stringify({ max }) });
  }

  /** A page of what has happened to a preview, the oldest first unless asked otherwise. */
  events(id: string, { limit, cursor, order }: HistoryQuery = {}): Promise<EventPage> {
    const query = new URLSearchParams();
    if (limit !== undefined) query.set('limit', String(limit));
    if (cursor !== undefined) query.set('cursor', cursor);
    if (order !== undefined) query.set('order', order);
    return this.#json(`/preview/${encodeURIComponent(id)}/events?${query.toString()}`);
  }

  /** Everything that has happened to a preview and what happens next, each once, until it is Deleted or `signal` aborts. */
  async *followEvents(id: string, { signal }: { signal?: AbortSignal } = {}): AsyncGenerator<PreviewEvent> {
    const path = `/preview/${encodeURIComponent(id)}/events`;
    let seen: string | undefined;
    while (!signal?.aborted) {
      const response = await this.#send(path, {
        headers: { accept: 'text/event-stream', ...(seen === undefined ? {} : { 'last-event-id': seen }) },
        ...(signal ? { signal } : {}),
      });
      if (response.status === 204) return;
      for await (const event of this.#sent(response)) {
        seen = event.sequence;
        yield event;
      }
      // Only the server knows whether that was all; it says so when it is asked with the last id.
      await this.#clock.sleep(RECONNECT_MS, signal);
    }
  }

  /** The events of one connection. A cut ends it like any other end: the next connection goes on from there. */
  async *#sent(response: Response): AsyncGenerator<PreviewEvent> {
    try {
      for await (const data of readData(readLines(response.body))) yield data as PreviewEvent;
    } catch (error) {
      // The first is a cut in fetch's words, the second an event that was cut in two.
      if (!(error instanceof TypeError) && !(error instanceof SyntaxError)) throw error;
    }
  }

  health(): Promise<{ status: string; version: string }> {
    return this.#json('/health');
  }

  /**
   * The lines that a preview wrote; with `follow`, also those that it goes on to write, until it is Deleted. Of several
   * containers each line says which wrote it.
   */
  async *logs(id: string, options: LogOptions = {}): AsyncGenerator<string> {
    if (!options.follow) return yield* this.#written(id, options);
    const { signal } = options;
    const looking = signal ? { signal } : {};
    const { spec } = await this.get(id, looking);
    const source = {
      ask: (query: LogOptions) => this.#askLogs(id, NDJSON, { ...query, ...looking, follow: true }),
      isOver: async () => (await this.get(id, looking)).phase === 'Deleted',
      pause: () => this.#clock.sleep(RECONNECT_MS, signal),
    };
    for await (const { container, message } of followLog(source, options))
      yield spec.containers === undefined ? message : `${container} | ${message}`;
  }

  async *#written(id: string, options: LogOptions): AsyncGenerator<string> {
    const { body } = await this.#askLogs(id, 'text/plain', options);
    try {
      yield* readLines(body);
    } catch (error) {
      if (options.signal?.aborted) throw error;
      throw new Unreachable(this.server, error);
    }
  }

  async #askLogs(id: string, accept: string, { tail, since, follow, signal }: LogOptions): Promise<Response> {
    const query = new URLSearchParams();
    if (tail !== undefined) query.set('tail', String(tail));
    if (since !== undefined) query.set('since', since);
    if (follow) query.set('follow', 'true');
    const path = `/preview/${encodeURIComponent(id)}/logs?${query.toString()}`;
    const response = await this.#send(path, { headers: { accept }, ...(signal ? { signal } : {}) });
    if (response.headers.get('content-type')?.includes(accept)) return response;
    throw new ApiProblem(notTempus(response));
  }

  /** Looks at a preview until `done` holds; undefined when `signal` aborts first. */
  async waitFor(
    id: string,
    done: (view: PreviewView) => boolean,
    { signal, onChange, everyMs = POLL_MS }: WaitOptions = {},
  ): Promise<PreviewView | undefined> {
    let phase: string | undefined;
    while (!signal?.aborted) {
      const view = await this.#look(id, signal);
      if (!view) break;
      if (view.phase !== phase) onChange?.(view);
      if (done(view)) return view;
      phase = view.phase;
      await this.#clock.sleep(everyMs, signal);
    }
    return undefined;
  }

  /** A server that does not answer must not outlast the patience of who waits: undefined once `signal` aborts. */
  async #look(id: string, signal: AbortSignal | undefined): Promise<PreviewView | undefined> {
    try {
      return await this.get(id, signal ? { signal } : {});
    } catch (error) {
      if (signal?.aborted) return undefined;
      throw error;
    }
  }

  async #json<T>(path: string, init: RequestInit = {}): Promise<T> {
    const response = await this.#send(path, init);
    if (!/json/.test(response.headers.get('content-type') ?? '')) throw new ApiProblem(notTempus(response));
    return (await response.json()) as T;
  }

  /** A redirect must not carry the token to somebody else: there is none that Tempus sends. */
  #shown(init: RequestInit): RequestInit {
    if (this.#token === undefined) return init;
    const headers = new Headers(init.headers);
    headers.set('authorization', `Bearer ${this.#token}`);
    return { ...init, headers, redirect: 'error' };
  }

  async #send(path: string, init: RequestInit): Promise<Response> {
    let response: Response;
    try {
      response = await this.#fetch(`${this.server}${path}`, this.#shown(init));
    } catch (error) {
      if (init.signal?.aborted) throw error;
      throw new Unreachable(this.server, error);
    }
    if (!response.ok) throw new ApiProblem(await readProblem(response));
    return response;
  }
}

/** Printable ASCII without spaces, once what copying has put around it is gone. */
function checked(token: string): string {
  const trimmed = token.trim();
  if (/^[!-~]+$/.test(trimmed)) return trimmed;
  throw new UnusableToken();
}

/** The problem in an answer; whatever else answers with an error is put into the same form. */
async function readProblem(response: Response): Promise<Problem> {
  if (response.headers.get('content-type')?.includes('application/problem+json'))
    return (await response.json()) as Problem;
  return notTempus(response);
}

function notTempus({ status, statusText }: Response): Problem {
  return {
    type: 'about:blank',
    title: 'this is not Tempus',
    status,
    detail: `the server answered ${status} ${statusText}, but not as Tempus does`,
    code: 'not_tempus',
    retryable: status >= 500,
    hint: 'check the address: --server, or TEMPUS_SERVER',
  };
}
