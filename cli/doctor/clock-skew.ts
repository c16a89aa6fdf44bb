import { formatSpan } from '../../platform/span.ts';
import { fail, type Finding, ok, skipped, warn } from './finding.ts';

/** Dates in answers have whole seconds, and answers take their time. */
const NOTICED_MS = 5_000;
/** AWS refuses signatures that are further off: IAM user guide, "Troubleshooting Signature Version 4". */
const REFUSED_MS = 300_000;

const FIX = 'sudo timedatectl set-ntp true (macOS: sudo sntp -sS time.apple.com)';

/** `skewMs`: the other's clock less this machine's. Undefined: it told no time. */
export function judgeSkew(whose: string, skewMs: number | undefined): Finding {
  if (skewMs === undefined) return skipped(`${whose} tells no time`);
  const facts = { skew_s: Math.round(skewMs / 1000) };
  const off = Math.abs(skewMs);
  if (off <= NOTICED_MS) return ok(`this machine and ${whose} agree`, facts);
  const finding = `this machine is ${formatSpan(off)} ${skewMs > 0 ? 'behind' : 'ahead of'} ${whose}`;
  if (off <= REFUSED_MS) {
    const means =
      'What is said here of expiry and of ages is off by as much; beyond 5 minutes AWS refuses every call.';
    return warn(finding, { means, fix: FIX, facts });
  }
  const means =
    'AWS refuses signatures that are more than 5 minutes off, and what is said here of expiry is wrong.';
  return fail(finding, { means, fix: FIX, facts });
}
