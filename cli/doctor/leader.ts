import type { SystemStatus } from '../../client/types.ts';
import { formatSpan } from '../../platform/span.ts';
import type { Place } from './place.ts';
import { fail, type Finding, ok, skipped, warn } from './finding.ts';

type Leader = NonNullable<SystemStatus['controller']>;

/** The first heartbeat comes a second after a controller leads, and the stream is read by then. */
const SETTLED_S = 60;
/** As terraform/controller.tf alarms. */
const LAG_S = 60;

export function judgeLeader(leader: Leader | null, { restart }: Place): Finding {
  if (!leader) {
    const means =
      'Previews are accepted and none is ever made or destroyed: no controller has led since this install was made.';
    return fail('no controller has ever led', { means, fix: restart });
  }
  const { age_s, leader: owner, at, queue_depth, became_leader_at } = leader;
  const facts = { leader: owner, at, age_s, became_leader_at, queue_depth };
  if (leader.stale) {
    const means =
      'Nobody leads: nothing is created, changed or destroyed until a controller runs. Fuses still stop what is overdue.';
    return fail(`${owner} led last, and was heard ${formatSpan(age_s * 1000)} ago`, {
      means,
      fix: restart,
      facts,
    });
  }
  return ok(`${owner} leads, heard ${formatSpan(age_s * 1000)} ago, ${queue_depth} in its queue`, facts);
}

export function judgeStream(leader: Leader | null, now: Date, { watch }: Place): Finding {
  if (!leader || leader.stale) return skipped('nobody leads, so nobody reads the stream');
  const lag = leader.stream_lag_s;
  const facts = { stream_lag_s: lag };
  const means = 'Changes are acted upon only when the next list of all records finds them.';
  if (lag === null) {
    const led = (now.getTime() - Date.parse(leader.became_leader_at)) / 1000;
    if (led < SETTLED_S) return ok('the leader is new, and about to read it', facts);
    return warn('the leader has not read the stream yet', { means, fix: watch, facts });
  }
  if (lag <= LAG_S) return ok(`read ${formatSpan(lag * 1000)} behind`, facts);
  return warn(`read ${formatSpan(lag * 1000)} behind`, { means, fix: watch, facts });
}
