import { createHash } from 'node:crypto';

import type { Change, StreamHead } from './entries.ts';

/** Who deletes items whose time to live is over. */
const DYNAMODB = { PrincipalId: 'dynamodb.amazonaws.com', Type: 'Service' };

/** A change as GetRecords shows it: the images that the stream's view type promises and no others. */
export function toStreamRecord(change: Change, { arn, view_type: view }: StreamHead): object {
  const { sequence, at, key, old, new: found, expired } = change;
  const images = {
    ...(found && view.startsWith('NEW') && { NewImage: found }),
    ...(old && (view === 'OLD_IMAGE' || view === 'NEW_AND_OLD_IMAGES') && { OldImage: old }),
  };
  return {
    eventID: createHash('sha256').update(`${arn} ${sequence}`).digest('hex').slice(0, 32),
    eventName: eventNameOf(change),
    eventVersion: '1.1',
    eventSource: 'aws:dynamodb',
    awsRegion: 'us-east-1',
    dynamodb: {
      ApproximateCreationDateTime: Math.floor(at / 1000),
      Keys: key,
      ...images,
      SequenceNumber: sequence,
      SizeBytes: Buffer.byteLength(JSON.stringify({ key, ...images })),
      StreamViewType: view,
    },
    ...(expired && { userIdentity: DYNAMODB }),
  };
}

function eventNameOf({ old, new: found }: Change): 'INSERT' | 'MODIFY' | 'REMOVE' {
  if (!old) return 'INSERT';
  return found ? 'MODIFY' : 'REMOVE';
}
