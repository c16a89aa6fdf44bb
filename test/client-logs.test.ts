import { once } from 'node:events';
import { createServer, type AddressInfo, connect, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TempusClient } from '../client/client.ts';
import { systemClock as clock } from '../platform/clock.ts';
import { useApi } from './api-world.ts';
import { hurried } from './event-world.ts';

const api = useApi();
const PATIENT = { timeout: 10_000 };

/** Cuts an answer that follows something and has been silent for a while, as a load balancer does. */
class ImpatientProxy {
  cuts = 0;
  readonly #server: Server;
  readonly #open = new Set<Socket>();

  constructor(patienceMs: number) {
    this.#server = createServer((near) => {
      const far = connect(api.server.port, '127.0.0.1');
      near.pipe(far).pipe(near);
      const cut = () => {
        near.destroy();
        far.destroy();
      };
      this.#open.add(near);
      near.on('close', () => this.#open.delete(near));
      let follows = false;
      near.on('data', (asked: Buffer) => {
        follows = asked.includes('follow=true');
        near.setTimeout(0);
      });
      far.on('data', () => near.setTimeout(follows ? patienceMs : 0));
      near.on('timeout', () => {
        this.cuts += 1;
        cut();
      });
      for (const side of [near, far]) side.on('close', cut).on('error', cut);
    });
  }

  async open(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.#open) socket.destroy();
    await once(this.#server, 'close');
  }

  /** Waits until it has cut a connection once more. */
  async cutsAgain(): Promise<void> {
    const before = this.cuts;
    await expect.poll(() => this.cuts, { ...PATIENT, interval: 10 }).toBeGreaterThan(before);
  }
}

let proxy: ImpatientProxy;
let client: TempusClient;

beforeEach(async () => {
  await api.serveAnew({ clock: hurried });
  proxy = new ImpatientProxy(150);
  client = new TempusClient({ server: await proxy.open(), clock: hurried });
});
afterEach(() => proxy.close());

const create = async (body: object = {}) => (await api.post(body)).json();
const write = (id: string, container: string, ...lines: string[]) =>
  api.logs.put('/previews', `${id}/${container}/task1`, lines);

async function markDeleted(id: string): Promise<void> {
  const row = (await api.store.get(id))!;
  await api.store.writeStatus(row, { phase: 'Deleted', status: row.status, purge_at: 1 });
}

/** Follows until the end; `seen` grows meanwhile. */
function follow(id: string, options: { tail?: number; since?: string } = {}) {
  const seen: string[] = [];
  const ended = (async () => {
    for await (const line of client.logs(id, { ...options, follow: true })) seen.push(line);
  })();
  return { seen, ended };
}

describe('logs that are followed through a proxy without patience', () => {
  test('lose no line and repeat none, also of those that look alike', async () => {
    const { id } = await create();
    write(id, 'app', 'one', 'same', 'same');
    const { seen, ended } = follow(id);
    await proxy.cutsAgain();
    await proxy.cutsAgain();
    write(id, 'app', 'same', 'two');
    await expect.poll(() => seen.length, PATIENT).toBe(5);
    for (let n = 0; n < 20; n += 1) {
      write(id, 'app', `line ${n}`);
      await clock.sleep(n % 5 === 0 ? 250 : 10);
    }
    await proxy.cutsAgain();
    write(id, 'app', 'last');
    await markDeleted(id);
    await ended;
    const lines = Array.from({ length: 20 }, (_, n) => `line ${n}`);
    expect(seen).toEqual(['one', 'same', 'same', 'same', 'two', ...lines, 'last']);
  });

  test.each([
    [0, []],
    [1, ['three']],
  ])('with the last %i lines show none of those before them after a cut', async (tail, shown) => {
    const { id } = await create();
    write(id, 'app', 'one', 'two');
    await clock.sleep(1_100);
    if (tail > 0) write(id, 'app', 'three');
    const { seen, ended } = follow(id, { tail });
    await proxy.cutsAgain();
    await proxy.cutsAgain();
    write(id, 'app', 'four');
    await markDeleted(id);
    await ended;
    expect(seen).toEqual([...shown, 'four']);
  });

  test('begin with the first line of a preview that was silent until then', async () => {
    const { id } = await create();
    const { seen, ended } = follow(id);
    await proxy.cutsAgain();
    write(id, 'app', 'one');
    await markDeleted(id);
    await ended;
    expect(seen).toEqual(['one']);
  });

  test('say which of several containers wrote a line', async () => {
    const containers = [
      { name: 'web', command: 'a', public: true, port: 1 },
      { name: 'db', command: 'b' },
    ];
    const { id } = await create({ containers });
    write(id, 'web', 'up');
    write(id, 'db', 'ready');
    await markDeleted(id);
    const { seen, ended } = follow(id);
    await ended;
    expect(seen.toSorted()).toEqual(['db | ready', 'web | up']);
  });

  test('go on with another server when theirs stops, and end with an error when there is none', async () => {
    const { id } = await create();
    write(id, 'app', 'one');
    const { seen, ended } = follow(id);
    await expect.poll(() => seen, PATIENT).toEqual(['one']);
    const { server, stop } = api;
    await api.serve({ clock: hurried });
    stop.abort();
    await server.close();
    write(id, 'app', 'two');
    await expect.poll(() => seen, PATIENT).toEqual(['one', 'two']);
    const failed = expect(ended).rejects.toThrow('no answer from');
    api.stop.abort();
    await api.server.close();
    await failed;
    await api.serve();
  });
});
