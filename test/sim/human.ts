import { toSeconds } from '../../platform/clock.ts';
import type { PreviewRow } from '../../preview/record.ts';
import { type Reply, request } from './api.ts';
import { TABLES } from './config.ts';
import { type Image, IMAGES } from './tasks.ts';
import type { World } from './world.ts';

const GIVES_UP_MS = 30_000;
const TRIES_AGAIN_MS = 5_000;
const LOOKS_MS = 1_000;

export interface Wish {
  image?: Image;
  ttl_minutes?: number;
  name?: string;
  /** Several containers, in place of one: see severalOf. */
  containers?: readonly object[];
}

/**
 * Whoever uses Tempus, and operates it: through the API as users do, and past it, in the table and in AWS, as people
 * with a console do. Nothing that a person does by hand has faults.
 */
export class Human {
  readonly #world: World;
  /** Short ids in the order in which their creation was accepted. */
  readonly previews: string[] = [];
  #keys = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** Asks for a preview until the API accepts it, as a client with an Idempotency-Key does. Answers the short id. */
  async create({ image = IMAGES.good, ttl_minutes = 60, name, containers }: Wish = {}): Promise<string> {
    this.#keys += 1;
    const key = `wish-${this.#keys}`;
    const runs = containers ? { containers } : { image, health_path: '/health' };
    const body = { ...runs, ttl_hours: ttl_minutes / 60, ...(name ? { name } : {}) };
    const reply = await this.#insist(() => request('POST', '/preview/create', { body, key }));
    if (reply.status !== 202) throw new Error(`the API refused: ${JSON.stringify(reply.body)}`);
    const id = String(reply.body['id']);
    this.previews.push(id);
    return id;
  }

  async remove(id: string): Promise<void> {
    await this.#insist(() => request('DELETE', `/preview/${id}`));
  }

  /** Again and again while there is no answer, or one that says to try again. */
  async #insist(ask: () => Promise<Reply>): Promise<Reply> {
    for (;;) {
      const reply = await Promise.race([ask(), this.wait(GIVES_UP_MS)]);
      if (reply && reply.status < 500) return reply;
      await this.wait(TRIES_AGAIN_MS);
    }
  }

  wait(ms: number): Promise<undefined> {
    return new Promise((resolve) => {
      this.#world.time.schedule(ms, () => resolve(undefined));
    });
  }

  /** Waits until `holds`, looking once a second, or for `ms` at most. Answers whether it came to hold. */
  async until(holds: () => boolean, ms: number): Promise<boolean> {
    const { time } = this.#world;
    const end = time.ms + ms;
    while (!holds()) {
      if (time.ms >= end) return false;
      await this.wait(LOOKS_MS);
    }
    return true;
  }

  get now(): Date {
    return this.#world.now;
  }

  row(id: string): PreviewRow | undefined {
    return this.#world.database.item(TABLES.previews, { id }) as PreviewRow | undefined;
  }

  phase(id: string): string {
    return this.row(id)?.phase ?? 'none';
  }

  /** The reason of the condition Ready. */
  says(id: string): string | undefined {
    return this.row(id)?.status.conditions.find(({ type }) => type === 'Ready')?.reason;
  }

  /** Changes fields of a record in the table, as the console does: whatever stands there now. */
  async edit(id: string, fields: Record<string, unknown>): Promise<void> {
    const names = Object.keys(fields);
    if (!this.row(id) || names.length === 0) return;
    this.#byHand(id);
    const edited = this.#world.database.document.update({
      TableName: TABLES.previews,
      Key: { id },
      UpdateExpression: `SET ${names.map((name, n) => `${pathOf(name)} = :v${n}`).join(', ')}`,
      ExpressionAttributeNames: Object.fromEntries(
        names.flatMap((name) => name.split('.')).map((part) => [`#${part}`, part]),
      ),
      ExpressionAttributeValues: Object.fromEntries(names.map((name, n) => [`:v${n}`, fields[name]])),
    });
    await edited.catch((error: unknown) => {
      // There is no spec.image to edit in a spec that somebody has made a text.
      if (!String(error).includes('document path')) throw error;
    });
  }

  /** Lets the preview end so many minutes later than it would. */
  async extend(id: string, minutes: number): Promise<void> {
    const end = new Date(Date.parse(this.row(id)?.expires_at ?? '') + minutes * 60_000);
    // Somebody may have typed nonsense there: then there is nothing to add to.
    if (Number.isNaN(end.getTime())) return;
    await this.edit(id, { expires_at: toSeconds(end) });
  }

  /** A form in the console, as it was when it was opened; to be saved later over whatever stands there then. */
  open(id: string): PreviewRow | undefined {
    return structuredClone(this.row(id));
  }

  /** Deletes a record in the console, which nobody ever should. */
  erase(id: string): void {
    this.#byHand(id);
    this.#world.database.purge(TABLES.previews, { id });
  }

  /** Asks for another try of what has failed. */
  async retry(id: string): Promise<Reply | undefined> {
    return Promise.race([request('POST', `/preview/${id}/retry`), this.wait(GIVES_UP_MS)]);
  }

  async save(form: PreviewRow | undefined): Promise<void> {
    if (!form || !this.row(form.id)) return;
    this.#byHand(form.id);
    await this.#world.database.document.put({ TableName: TABLES.previews, Item: { ...form } });
  }

  /** Runs a change of AWS that a person makes in the console; what is not there cannot be changed. */
  async inAws(id: string, change: () => Promise<unknown>): Promise<void> {
    this.#byHand(id);
    this.#world.stale?.remember();
    await change().catch((error: unknown) => {
      if (!/NotFound|NotActive|not found|ResourceInUse|ClientException/i.test(String(error))) throw error;
    });
  }

  #byHand(id: string): void {
    this.#world.writer = 'human';
    this.#world.safety.touched.set(id, this.#world.time.ms);
  }
}

function pathOf(name: string): string {
  return name
    .split('.')
    .map((part) => `#${part}`)
    .join('.');
}
