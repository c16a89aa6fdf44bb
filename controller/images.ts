import type { _Record as StreamRecord } from '@aws-sdk/client-dynamodb-streams';
import { unmarshall } from '@aws-sdk/util-dynamodb';

export interface Images {
  before: Record<string, unknown> | undefined;
  after: Record<string, unknown> | undefined;
}

/**
 * What a stream record says of its item, before and after. A number that no double holds, which only a hand stores, is
 * rounded: the SDK's own choices are to throw, or a type that JSON does not know, and either would stop the shard.
 */
export function imagesOf({ dynamodb }: StreamRecord): Images {
  const plain = (image: NonNullable<typeof dynamodb>['OldImage']) =>
    image && unmarshall(image, { wrapNumbers: Number });
  return { before: plain(dynamodb?.OldImage), after: plain(dynamodb?.NewImage) };
}
