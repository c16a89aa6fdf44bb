import type { DoctorClients } from '../../aws/doctor-clients.ts';
import type { Deletion, Phase, PreviewRow } from '../../preview/record.ts';
import { LIVE_INDEX } from '../../preview/tables.ts';
import type { InstallNames } from './names.ts';

/** Of a record what doctor judges by. The spec, with its environment, stays where it is. */
export interface LiveRecord {
  id: string;
  preview_id: string;
  phase: Phase;
  expires_at: string;
  deletion?: Deletion;
}

/** Every record that is not Deleted. Eventually consistent. */
export async function readLiveRecords(
  { document }: DoctorClients,
  { previews }: InstallNames,
): Promise<LiveRecord[]> {
  const found: LiveRecord[] = [];
  let from: Record<string, unknown> | undefined;
  do {
    const page = await document.query({
      TableName: previews,
      IndexName: LIVE_INDEX,
      KeyConditionExpression: 'live = :live',
      ExpressionAttributeValues: { ':live': 'live' },
      ProjectionExpression: 'id, preview_id, phase, expires_at, deletion',
      ...(from ? { ExclusiveStartKey: from } : {}),
    });
    found.push(...((page.Items ?? []) as LiveRecord[]));
    from = page.LastEvaluatedKey;
  } while (from);
  return found;
}

/** What became of an incarnation, as the record itself says now. */
export type RecordState = Pick<PreviewRow, 'preview_id' | 'phase'> & { deleted_at?: string };

/** Consistent: undefined where there is no record of that id. */
export async function readRecordState(
  { document }: DoctorClients,
  { previews }: InstallNames,
  id: string,
): Promise<RecordState | undefined> {
  const { Item } = await document.get({
    TableName: previews,
    Key: { id },
    ConsistentRead: true,
    ProjectionExpression: 'preview_id, phase, #status.deleted_at',
    ExpressionAttributeNames: { '#status': 'status' },
  });
  if (!Item) return undefined;
  const { preview_id, phase, status } = Item as RecordState & { status?: { deleted_at?: string } };
  return {
    preview_id,
    phase,
    ...(status?.deleted_at === undefined ? {} : { deleted_at: status.deleted_at }),
  };
}
