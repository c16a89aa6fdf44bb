import type { Database } from '../../../localcloud/dynamodb/database.ts';
import type { Clock } from '../../../platform/clock.ts';

/** A record of the stream at the instant from which anybody could read it. */
export interface Readable {
  id: string;
  kind: 'created' | 'marked';
}

interface Page {
  Records: {
    dynamodb: {
      Keys: { id: { S: string } };
      OldImage?: { observed_event?: { S: string } };
      NewImage?: { observed_event?: { S: string } };
    };
  }[];
  NextShardIterator?: string;
}

const POLL_MS = 10;

/** Reads a table's stream, of one shard, more often than any reader on AWS may. Ends with `signal`. */
export async function watchStream(
  { database, table, clock }: { database: Database; table: string; clock: Clock },
  onReadable: (readable: Readable) => void,
  signal: AbortSignal,
): Promise<void> {
  const call = async <T>(operation: string, input: object): Promise<T> => {
    const { status, body } = await database.streams(operation, Buffer.from(JSON.stringify(input)));
    if (status !== 200) throw new Error(`${operation}: ${body}`);
    return JSON.parse(body) as T;
  };
  const { Streams } = await call<{ Streams: { StreamArn: string }[] }>('ListStreams', { TableName: table });
  const StreamArn = Streams[0]?.StreamArn;
  const { StreamDescription } = await call<{ StreamDescription: { Shards: { ShardId: string }[] } }>(
    'DescribeStream',
    { StreamArn },
  );
  const ShardId = StreamDescription.Shards[0]?.ShardId;
  let { ShardIterator } = await call<{ ShardIterator: string | undefined }>('GetShardIterator', {
    StreamArn,
    ShardId,
    ShardIteratorType: 'TRIM_HORIZON',
  });
  while (!signal.aborted && ShardIterator !== undefined) {
    const page: Page = await call<Page>('GetRecords', { ShardIterator });
    for (const { dynamodb } of page.Records) {
      const { OldImage: before, NewImage: after, Keys } = dynamodb;
      const id = Keys.id.S;
      if (!before) onReadable({ id, kind: 'created' });
      else if (after && before.observed_event?.S !== after.observed_event?.S)
        onReadable({ id, kind: 'marked' });
    }
    ShardIterator = page.NextShardIterator;
    await clock.sleep(POLL_MS, signal);
  }
}
