import type { DynamoDBDocument } from '@aws-sdk/lib-dynamodb';
import { NAMES } from '../../laptop/infrastructure.ts';
import { toSeconds } from '../../platform/clock.ts';
import type { PreviewRow } from '../../preview/record.ts';
import { clientsOf } from '../e2e/world.ts';
import type { Laptop } from '../e2e/laptop-process.ts';
import type { SeededRandom } from '../sim/random.ts';

/** How often each deed was done. */
export type Deeds = Record<
  'created' | 'deleted' | 'extended' | 'edited' | 'broken_in_aws' | 'reverted',
  number
>;

/** A preview of the load: whose creation the API has accepted, under the key that it was asked with. */
export interface Wished {
  key: string;
  id?: string;
}

const SHORT_S = [20, 45] as const;
const EDITS: readonly Record<string, unknown>[] = [
  { port: 'eighty' },
  { env: { COLOR: 'teal' } },
  { env: { COLOR: 'plum' } },
  { health_path: '/api' },
  { cpu: 512, memory: 1024 },
];

/**
 * People at work, all at once, while the process may die under them at any moment: what gets no answer is asked again
 * after the restart, with the same key.
 */
export class Load {
  readonly deeds: Deeds = { created: 0, deleted: 0, extended: 0, edited: 0, broken_in_aws: 0, reverted: 0 };
  readonly wished: Wished[] = [];
  readonly #laptop: Laptop;
  readonly #random: SeededRandom;
  readonly #forms: PreviewRow[] = [];

  constructor(laptop: Laptop, random: SeededRandom) {
    this.#laptop = laptop;
    this.#random = random;
  }

  /** Some deeds at once. Each may fail: the process is about to be killed. Answers what was tried. */
  async burst(): Promise<string[]> {
    const random = this.#random;
    const tried: (keyof Deeds)[] = ['created'];
    const some = random.int(1, 3);
    for (let n = 0; n < some; n += 1) {
      tried.push(
        random.pick(['created', 'deleted', 'extended', 'edited', 'edited', 'broken_in_aws', 'reverted']),
      );
    }
    await Promise.allSettled(tried.map((deed) => this.#do(deed)));
    return tried;
  }

  /** Asks again for everything that has had no answer. */
  async insist(): Promise<void> {
    for (const wish of this.wished.filter(({ id }) => id === undefined)) await this.#create(wish);
  }

  async #do(deed: keyof Deeds): Promise<void> {
    if (deed === 'created') {
      const wish: Wished = { key: `wish-${this.wished.length}` };
      this.wished.push(wish);
      await this.#create(wish);
      return;
    }
    const ids = this.wished.flatMap(({ id }) => id ?? []);
    if (ids.length === 0) return;
    const id = this.#random.pick(ids);
    if (deed === 'deleted') await this.#laptop.delete(id);
    else if (deed === 'broken_in_aws') await this.#breakInAws(id);
    else await this.#byHand(deed, id);
    this.deeds[deed] += 1;
  }

  async #create(wish: Wished): Promise<void> {
    // Decided by the key, so that asking again asks for the same.
    const short = Number(wish.key.slice(5)) % 2 === 0;
    const [least, most] = SHORT_S;
    const seconds = short ? least + (Number(wish.key.slice(5)) % (most - least)) : 3_600;
    const { id } = await this.#laptop.create({ ttl_hours: seconds / 3_600 }, { 'idempotency-key': wish.key });
    wish.id = id;
    this.deeds.created += 1;
  }

  async #byHand(deed: 'extended' | 'edited' | 'reverted', id: string): Promise<void> {
    const clients = clientsOf(this.#laptop);
    try {
      const { Item } = await clients.document.get({
        TableName: NAMES.previews,
        Key: { id },
        ConsistentRead: true,
      });
      const row = Item as PreviewRow | undefined;
      if (!row) return;
      this.#forms.push(row);
      if (deed === 'reverted') await this.#revert(clients.document);
      else if (deed === 'extended') {
        const expires_at = toSeconds(new Date(Date.parse(row.expires_at) + this.#random.int(5, 20) * 1_000));
        await set(clients.document, id, 'expires_at', expires_at);
      } else await set(clients.document, id, 'spec', { ...row.spec, ...this.#random.pick(EDITS) });
    } finally {
      clients.destroy();
    }
  }

  /** Saves a form that was opened before over whatever stands there now. */
  async #revert(table: DynamoDBDocument): Promise<void> {
    const form = this.#random.pick(this.#forms);
    await table.put({ TableName: NAMES.previews, Item: form, ConditionExpression: 'attribute_exists(id)' });
  }

  async #breakInAws(id: string): Promise<void> {
    const clients = clientsOf(this.#laptop);
    const name = `tempus-${id}`;
    try {
      if (this.#random.chance(0.5)) {
        await clients.ecs.deleteService({ cluster: NAMES.cluster, service: name, force: true });
      } else await clients.scheduler.deleteSchedule({ GroupName: NAMES.schedule_group, Name: name });
    } finally {
      clients.destroy();
    }
  }
}

async function set(table: DynamoDBDocument, id: string, field: string, value: unknown): Promise<void> {
  await table.update({
    TableName: NAMES.previews,
    Key: { id },
    UpdateExpression: 'SET #field = :value',
    ConditionExpression: 'attribute_exists(id)',
    ExpressionAttributeNames: { '#field': field },
    ExpressionAttributeValues: { ':value': value },
  });
}
