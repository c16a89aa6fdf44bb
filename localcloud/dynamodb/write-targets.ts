import type { Intent } from './entries.ts';

/** One item that a request is about to write, as the request that would write it alone. */
export type WriteTarget = Pick<Intent, 'table' | 'operation' | 'request'>;

/** Every item that a call writes; nothing when the call is no write or so malformed that DynamoDB refuses it. */
export function writeTargets(operation: string, request: Readonly<Record<string, unknown>>): WriteTarget[] {
  switch (operation) {
    case 'PutItem':
    case 'UpdateItem':
    case 'DeleteItem': {
      const table = request['TableName'];
      return typeof table === 'string' ? [{ table, operation, request }] : [];
    }
    case 'BatchWriteItem':
      return Object.entries(fields(request['RequestItems'])).flatMap(([table, writes]) =>
        Array.isArray(writes) ? writes.flatMap((write: unknown) => batchTarget(table, fields(write))) : [],
      );
    default:
      return [];
  }
}

function batchTarget(table: string, write: Readonly<Record<string, unknown>>): WriteTarget[] {
  if (write['PutRequest']) {
    const request = { TableName: table, Item: fields(write['PutRequest'])['Item'] };
    return [{ table, operation: 'PutItem', request }];
  }
  if (write['DeleteRequest']) {
    const request = { TableName: table, Key: fields(write['DeleteRequest'])['Key'] };
    return [{ table, operation: 'DeleteItem', request }];
  }
  return [];
}

/** The fields of an object, and none of anything else. */
export function fields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
