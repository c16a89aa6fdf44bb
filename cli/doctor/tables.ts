import type { CreateTableCommandInput, TableDescription } from '@aws-sdk/client-dynamodb';
import { coordinationTable, eventsTable, previewsTable, PURGE_ATTRIBUTE } from '../../preview/tables.ts';
import { isTableGone } from '../../aws/errors.ts';
import type { Account } from './account.ts';
import { DEPLOY } from './deploy.ts';
import { fail, type Finding, ok, orElse, warn } from './finding.ts';

export interface TableFacts {
  /** Undefined where there is no such table. */
  table: TableDescription | undefined;
  /** The attribute of an enabled time to live. */
  ttl: string | undefined;
  /** Point-in-time recovery. */
  recoverable: boolean;
}

export interface TableWish {
  /** As preview/tables.ts makes it. */
  table: CreateTableCommandInput;
  recoverable: boolean;
}

/** The tables of an install, and what Terraform gives them: terraform/tables.tf. */
export function wishedTables({ names }: Pick<Account, 'names'>): Readonly<Record<string, TableWish>> {
  return {
    previews: { table: previewsTable(names.previews), recoverable: true },
    coordination: { table: coordinationTable(names.coordination), recoverable: true },
    // History can be missed; it is kept for 30 days anyway.
    events: { table: eventsTable(names.events), recoverable: false },
  };
}

export async function lookAtTable(wish: TableWish, { clients, region }: Account): Promise<Finding[]> {
  const { dynamodb } = clients;
  const asked = { TableName: wish.table.TableName };
  let table: TableDescription | undefined;
  try {
    table = (await dynamodb.describeTable(asked)).Table;
  } catch (error) {
    if (!isTableGone(error)) throw error;
  }
  if (!table) return judgeTable(wish, { table, ttl: undefined, recoverable: false }, region);
  const [{ TimeToLiveDescription: ttl }, recovery] = await Promise.all([
    dynamodb.describeTimeToLive(asked),
    wish.recoverable ? dynamodb.describeContinuousBackups(asked) : undefined,
  ]);
  const enabled = ttl?.TimeToLiveStatus === 'ENABLED' || ttl?.TimeToLiveStatus === 'ENABLING';
  const { PointInTimeRecoveryStatus } =
    recovery?.ContinuousBackupsDescription?.PointInTimeRecoveryDescription ?? {};
  const facts = {
    table,
    ttl: enabled ? ttl.AttributeName : undefined,
    recoverable: PointInTimeRecoveryStatus === 'ENABLED',
  };
  return judgeTable(wish, facts, region);
}

export function judgeTable(
  { table: wish, recoverable }: TableWish,
  seen: TableFacts,
  region: string,
): Finding[] {
  const name = wish.TableName ?? '';
  const { table } = seen;
  if (!table) {
    const means = `There is no install of this name in ${region}, or its table was deleted with every record.`;
    return [fail(`table ${name} is not there`, { means, fix: `${DEPLOY}, or give --install and --region` })];
  }
  const dynamodb = (operation: string, ...options: string[]) =>
    ['aws dynamodb', operation, `--table-name ${name} --region ${region}`, ...options].join(' ');
  const found = [...judgeShape(wish, table), ...judgeTableStream(wish, table, dynamodb)];
  if (seen.ttl !== PURGE_ATTRIBUTE) {
    const means = 'Records of previews that are gone, and old history, stay for ever and cost storage.';
    const ttl = `--time-to-live-specification Enabled=true,AttributeName=${PURGE_ATTRIBUTE}`;
    const fix = dynamodb('update-time-to-live', ttl);
    found.push(warn(`${name} purges nothing: time to live on ${PURGE_ATTRIBUTE} is off`, { means, fix }));
  }
  if (recoverable && !seen.recoverable) {
    const means =
      'Records that a mistake overwrites or deletes cannot be brought back: what should exist is told here only.';
    const fix = dynamodb(
      'update-continuous-backups',
      '--point-in-time-recovery-specification PointInTimeRecoveryEnabled=true',
    );
    found.push(warn(`${name} has no point-in-time recovery`, { means, fix }));
  }
  const facts = { items: table.ItemCount ?? null, bytes: table.TableSizeBytes ?? null };
  return orElse(found, ok(`${name} is as it should be`, facts));
}

function judgeShape(wish: CreateTableCommandInput, table: TableDescription): Finding[] {
  const name = wish.TableName ?? '';
  const found: Finding[] = [];
  if (table.TableStatus !== 'ACTIVE') {
    const facts = { status: table.TableStatus };
    const serves = table.TableStatus === 'UPDATING';
    const means = serves ? 'It serves meanwhile.' : 'It takes no reads or writes.';
    const judge = serves ? warn : fail;
    found.push(judge(`${name} is ${table.TableStatus}`, { means, fix: 'wait until it is ACTIVE', facts }));
  }
  if (keyOf(table.KeySchema) !== keyOf(wish.KeySchema)) {
    const means = `Tempus reads it by ${keyOf(wish.KeySchema)}; a key cannot be changed, so this is not a table that Tempus made.`;
    const fix = `give --install, or install under another name; only if nobody needs its items, back it up and delete it, then ${DEPLOY}`;
    const facts = { key: keyOf(table.KeySchema), wanted: keyOf(wish.KeySchema) };
    found.push(fail(`${name} has the key ${keyOf(table.KeySchema)}`, { means, fix, facts }));
  }
  for (const index of wish.GlobalSecondaryIndexes ?? []) {
    const seen = table.GlobalSecondaryIndexes?.find(({ IndexName }) => IndexName === index.IndexName);
    const right =
      seen?.IndexStatus === 'ACTIVE' &&
      keyOf(seen.KeySchema) === keyOf(index.KeySchema) &&
      seen.Projection?.ProjectionType === index.Projection?.ProjectionType;
    if (right) continue;
    const state = seen ? `is ${seen.IndexStatus}, by ${keyOf(seen.KeySchema)}` : 'is not there';
    const means = 'Lists, expiry and sweeps read it: without it nothing is found that is due.';
    const fix = seen?.IndexStatus === 'CREATING' ? 'wait until it is ACTIVE' : DEPLOY;
    found.push(fail(`the index ${index.IndexName} of ${name} ${state}`, { means, fix }));
  }
  return found;
}

function judgeTableStream(
  { TableName: name, StreamSpecification: wish }: CreateTableCommandInput,
  { StreamSpecification: seen }: TableDescription,
  dynamodb: (operation: string, ...options: string[]) => string,
): Finding[] {
  if (!wish || (seen?.StreamEnabled && seen.StreamViewType === wish.StreamViewType)) return [];
  const means = 'The controller hears of nothing, and acts only when the next list of all records finds it.';
  const update = (specification: string) =>
    dynamodb('update-table', `--stream-specification ${specification}`);
  const on = update(`StreamEnabled=true,StreamViewType=${wish.StreamViewType}`);
  if (!seen?.StreamEnabled) return [fail(`the stream of ${name} is off`, { means, fix: on })];
  const fix = `${update('StreamEnabled=false')} && ${dynamodb('wait table-exists')} && ${on}`;
  const facts = { view: seen.StreamViewType ?? null };
  return [
    fail(`the stream of ${name} has ${seen.StreamViewType}, not ${wish.StreamViewType}`, {
      means,
      fix,
      facts,
    }),
  ];
}

/** A key in a word: `preview_id, sequence`. */
function keyOf(
  schema: readonly { AttributeName?: string | undefined; KeyType?: string | undefined }[] = [],
): string {
  return schema
    .toSorted((a, b) => (a.KeyType ?? '').localeCompare(b.KeyType ?? ''))
    .map(({ AttributeName }) => AttributeName)
    .join(', ');
}
