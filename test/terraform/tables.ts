import type { CreateTableCommandInput } from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';
import { coordinationTable, eventsTable, previewsTable, PURGE_ATTRIBUTE } from '../../preview/tables.ts';
import type { Plan, Resource } from './plan.ts';
import type { Variant } from './variants.ts';

interface PlannedTable {
  name: string;
  billing_mode: string;
  hash_key: string;
  range_key: string | null;
  attribute: { name: string; type: string }[];
  stream_enabled: boolean | null;
  stream_view_type?: string;
  global_secondary_index: {
    name: string;
    projection_type: string;
    key_schema: { attribute_name: string; key_type: string }[];
  }[];
  ttl: { attribute_name: string; enabled: boolean }[];
  point_in_time_recovery: { enabled: boolean }[];
}

const tableOf = ({ values }: Resource) => values as unknown as PlannedTable;
type Named = { AttributeName?: string | undefined };
const byName = (a: Named, b: Named) => (a.AttributeName ?? '').localeCompare(b.AttributeName ?? '');

/** A planned table in the words in which a laptop's is made. */
function asCreated(table: PlannedTable): CreateTableCommandInput {
  const key = (AttributeName: string, KeyType: string) => ({ AttributeName, KeyType });
  const created = {
    TableName: table.name,
    BillingMode: table.billing_mode,
    AttributeDefinitions: table.attribute
      .map(({ name, type }) => ({ AttributeName: name, AttributeType: type }))
      .toSorted(byName),
    KeySchema: [
      key(table.hash_key, 'HASH'),
      ...(table.range_key === null ? [] : [key(table.range_key, 'RANGE')]),
    ],
    ...(table.global_secondary_index.length > 0 && {
      GlobalSecondaryIndexes: table.global_secondary_index.map((index) => ({
        IndexName: index.name,
        KeySchema: index.key_schema.map((one) => key(one.attribute_name, one.key_type)),
        Projection: { ProjectionType: index.projection_type },
      })),
    }),
    ...(table.stream_enabled && {
      StreamSpecification: { StreamEnabled: true, StreamViewType: table.stream_view_type },
    }),
  };
  return created as CreateTableCommandInput;
}

const sorted = (table: CreateTableCommandInput) => ({
  ...table,
  AttributeDefinitions: table.AttributeDefinitions?.toSorted(byName),
});

export function tables(plan: Plan, { install }: Variant): void {
  const planned = new Map(plan.of('aws_dynamodb_table').map((table) => [table.name, tableOf(table)]));

  test('tables, stream and live index are those of laptop mode', () => {
    expect([...planned.keys()].toSorted()).toEqual(['coordination', 'events', 'previews']);
    expect(asCreated(planned.get('previews')!)).toEqual(sorted(previewsTable(`${install}-previews`)));
    expect(asCreated(planned.get('coordination')!)).toEqual(
      sorted(coordinationTable(`${install}-coordination`)),
    );
    expect(asCreated(planned.get('events')!)).toEqual(sorted(eventsTable(`${install}-events`)));
  });

  test('DynamoDB takes what is to be purged from every table, and what matters can be brought back', () => {
    for (const { ttl } of planned.values())
      expect(ttl).toEqual([{ attribute_name: PURGE_ATTRIBUTE, enabled: true }]);
    for (const name of ['previews', 'coordination'])
      expect(planned.get(name)!.point_in_time_recovery).toEqual([{ enabled: true }]);
  });
}
