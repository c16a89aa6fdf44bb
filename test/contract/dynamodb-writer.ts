/** A process that writes to the database in the folder of its first argument until it is killed. */
import { openDatabase } from '../../localcloud/dynamodb/database.ts';
import { systemClock } from '../../platform/clock.ts';
import { silentLog } from '../../platform/log.ts';
import { systemRandom } from '../../platform/random.ts';

const [path = '', TableName = ''] = process.argv.slice(2);
const database = await openDatabase({ clock: systemClock, random: systemRandom, log: silentLog, path });
const call = async (operation: string, request: object) => {
  const { status, body } = await database.dynamodb(operation, Buffer.from(JSON.stringify(request)));
  if (status !== 200) throw new Error(body);
};

async function writeForEver(id: string): Promise<never> {
  const Key = { id: { S: id } };
  for (let n = 0; ; n += 1) {
    const live = n % 2 ? { live: { S: 'y' } } : {};
    await call('PutItem', { TableName, Item: { ...Key, ...live, n: { N: `${n}` } } });
    await call('UpdateItem', {
      TableName,
      Key,
      UpdateExpression: 'SET live = :y ADD n :one',
      ExpressionAttributeValues: { ':y': { S: 'y' }, ':one': { N: '1' } },
    });
    await call('BatchWriteItem', { RequestItems: { [TableName]: [{ DeleteRequest: { Key } }] } });
    process.stdout.write('.');
  }
}

await Promise.all(['a', 'b', 'c', 'd'].map(writeForEver));
