import { NAMES } from '../../laptop/infrastructure.ts';
import type { Laptop } from './laptop-process.ts';
import { clientsOf } from './world.ts';

/** What an operator does: one attribute of a record, set with any DynamoDB client. */
export async function edit(
  laptop: Laptop,
  id: string,
  path: readonly string[],
  value: unknown,
): Promise<void> {
  const clients = clientsOf(laptop);
  const names = Object.fromEntries(path.map((part, at) => [`#p${at}`, part]));
  try {
    await clients.document.update({
      TableName: NAMES.previews,
      Key: { id },
      UpdateExpression: `SET ${Object.keys(names).join('.')} = :value`,
      ConditionExpression: 'attribute_exists(id)',
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: { ':value': value },
    });
  } finally {
    clients.destroy();
  }
}
