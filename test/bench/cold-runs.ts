import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createDatabase, type DatabaseClients } from '../../aws/database.ts';
import { systemClock as clock } from '../../platform/clock.ts';
import { systemRandom as random } from '../../platform/random.ts';
import { draftPreview } from '../../preview/draft.ts';
import { resourceName } from '../../preview/names.ts';
import type { PreviewRow } from '../../preview/record.ts';
import { PreviewStore } from '../../preview/store.ts';
import { previewsTable } from '../../preview/tables.ts';

/** Milliseconds, each stage after the one before; `total` is all of them. */
export const STAGES = ['node', 'import', 'invocation', 'total'] as const;
export type ColdStart = Readonly<Record<(typeof STAGES)[number], number>>;

const REGION = 'us-east-1';
const CLUSTER = 'tempus';
const TTL_HOURS = 2;
const CREATED_BEFORE_MS = 3 * 3_600_000;
const RUNTIME = join(import.meta.dirname, 'first-invocation.mjs');

interface Work {
  event: (row: PreviewRow) => object;
  /** Whether the function has done to the record what it is there for: only then does its time mean anything. */
  isDone: (now: PreviewRow & { observed_event?: string }) => boolean;
}

const WORK: Readonly<Record<string, Work>> = {
  expire: { event: () => ({}), isDone: ({ phase }) => phase === 'Deleting' },
  observe: {
    event: ({ id }) => ({
      id: random.uuid(),
      time: clock.now().toISOString(),
      source: 'aws.ecs',
      'detail-type': 'ECS Task State Change',
      detail: {
        clusterArn: `arn:aws:ecs:${REGION}:000000000000:cluster/${CLUSTER}`,
        group: `service:${resourceName(id)}`,
        lastStatus: 'STOPPED',
      },
    }),
    isDone: ({ observed_event }) => observed_event !== undefined,
  },
};

/** Cold starts of functions, each in a process of its own and with one preview, overdue, in a table of its own. */
export class ColdRuns {
  readonly #endpoint: string;
  readonly #clients: DatabaseClients;
  #count = 0;

  constructor(endpoint: string) {
    const credentials = { accessKeyId: 'bench', secretAccessKey: 'bench' };
    this.#endpoint = endpoint;
    this.#clients = createDatabase({ region: REGION, endpoint, credentials });
  }

  /** Rejects where the function fails, and where it answers without having done its work. */
  async run(name: string, file: string): Promise<ColdStart> {
    const work = WORK[name];
    if (!work) throw new Error(`nobody has said what the first work of ${name} is`);
    const { dynamodb, document: client } = this.#clients;
    const table = `previews-${(this.#count += 1)}`;
    await dynamodb.createTable(previewsTable(table));
    const store = new PreviewStore({ client, table });
    const row = overdue();
    await store.create(row);
    const { answer, ...times } = await this.#invoke(file, work.event(row), table);
    const now = await store.get(row.preview_id);
    await dynamodb.deleteTable({ TableName: table });
    if (!now || !work.isDone(now)) throw new Error(`${name} only answered ${JSON.stringify(answer)}`);
    return times;
  }

  /** The environment is what Terraform gives a function, and nothing of this process's own. */
  async #invoke(file: string, event: object, table: string): Promise<ColdStart & { answer: unknown }> {
    const child = fork(RUNTIME, [file, JSON.stringify(event)], {
      execArgv: [],
      env: {
        AWS_REGION: REGION,
        AWS_ACCESS_KEY_ID: 'bench',
        AWS_SECRET_ACCESS_KEY: 'bench',
        TEMPUS_AWS_ENDPOINT: this.#endpoint,
        TEMPUS_TABLE_PREVIEWS: table,
        TEMPUS_CLUSTER: CLUSTER,
      },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    let told: (ColdStart & { answer: unknown }) | undefined;
    child.once('message', (message: ColdStart & { answer: unknown }) => (told = message));
    const [code] = (await once(child, 'exit')) as [number | null];
    if (!told) throw new Error(`the function ended with ${code} before it answered`);
    return told;
  }

  close(): void {
    this.#clients.document.destroy();
    this.#clients.dynamodb.destroy();
  }
}

function overdue(): PreviewRow {
  return draftPreview(
    {
      preview_id: random.uuid(),
      owner: 'bench',
      labels: {},
      source: {},
      spec: { image: 'a', port: 80, cpu: 256, memory: 512, env: {}, health_path: '/', health_codes: '200' },
      ttl_hours: TTL_HOURS,
      urls: [],
    },
    new Date(clock.now().getTime() - CREATED_BEFORE_MS),
  );
}
