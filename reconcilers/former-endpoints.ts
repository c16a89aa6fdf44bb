import { targetGroupName } from '../preview/names.ts';
import { done, type Outcome } from './outcome.ts';
import type { Ensuring } from './pass.ts';
import { giveBack } from './slots.ts';
import { removeTargetGroup } from './target-group.ts';

/**
 * Takes away what an edit has left behind of an address that is not wanted any more. Its rules went at once; its target
 * group was the old task's until now, and its slot is given back last, so that nobody finds our rule in it.
 */
export async function leaveFormerEndpoints(pass: Ensuring): Promise<Outcome> {
  for (const slot of pass.claim.former) {
    const outcome = await removeTargetGroup(pass, targetGroupName(pass.row.id, slot.suffix));
    // Absence is not proven here as it is at the end of a preview: the group's name stays in the record until then.
    if (outcome !== 'absent' && outcome.kind !== 'done') return outcome;
    await giveBack(pass.row, [slot], pass.coordination);
  }
  return done;
}
