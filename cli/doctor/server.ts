import type { Unreachable } from '../../client/errors.ts';
import type { Problem, SystemStatus } from '../../client/types.ts';
import { fail, type Finding, ok, warn } from './finding.ts';
import type { Place } from './place.ts';

const ANOTHER =
  'whoever is admin makes one: tempus token create --owner NAME; then: export TEMPUS_TOKEN=tmp_…';

export function judgeServer(server: string, { version }: { version: string }): Finding {
  return ok(`${server} answers, version ${version}`, { server, version });
}

export function judgeUnreachable({ server, cause }: Unreachable, { laptop }: Place): Finding {
  const facts = { server, cause: causeOf(cause) };
  const means = `Nobody answers at that address (${facts.cause}).`;
  const fix = laptop
    ? 'npm start; for an install on AWS: export TEMPUS_SERVER=… (make deploy prints api_url)'
    : 'compare it with terraform -chdir=terraform output api_url; from a network that allowed_cidrs leaves out nothing answers';
  return fail(`no answer from ${server}`, { means, fix, facts });
}

/** fetch hides what happened one level down. */
function causeOf(error: unknown): string {
  const inner = error instanceof Error ? (error.cause ?? error) : error;
  const { code, message } = inner as { code?: string; message?: string };
  return code ?? message ?? String(inner);
}

/** What it takes to be answered, where the API refuses. */
export function judgeProblem({ status, code, detail, hint }: Problem): Finding {
  const facts = { status, code };
  if (status === 401) {
    const finding = `the API lets nobody in without a valid token: ${detail}`;
    const fix = hint === undefined ? ANOTHER : `${hint}; ${ANOTHER}`;
    return fail(finding, { means: 'Every command is refused.', fix, facts });
  }
  if (status === 403) {
    const means = 'Whoever shows this token may not even look.';
    return fail(`the token is not enough: ${detail}`, { means, fix: ANOTHER, facts });
  }
  if (status === 429) {
    const means =
      'This address has shown too many wrong tokens, and is not answered for the rest of the minute.';
    return fail(detail, { means, fix: 'wait a minute, and check TEMPUS_TOKEN', facts });
  }
  const means = code === 'not_tempus' ? 'Another program listens there.' : `It answered ${status} (${code}).`;
  return fail(detail, { means, fix: hint ?? 'see the log of the API', facts });
}

/** `caller` is what the API makes of who asks; an older API does not say. */
export function judgeCaller(caller: SystemStatus['caller']): Finding {
  if (!caller) return ok('accepted; an API of this version does not tell its scope');
  const { owner, scope } = caller;
  const facts = { owner, scope };
  if (scope !== 'read') return ok(`accepted as ${owner}, scope ${scope}`, facts);
  const means = 'It may look and not change anything: create, rm and retry are refused.';
  return warn(`accepted as ${owner}, scope read`, { means, fix: ANOTHER, facts });
}
