import { request } from 'node:http';

export interface HealthCheck {
  path: string;
  timeoutMs: number;
  /** The codes that are well, as a target group's matcher writes them: `200`, `200,302` or `200-399`. */
  codes: string;
}

export type HealthCheckResult =
  | { ok: true }
  | {
      ok: false;
      reason: 'Target.ResponseCodeMismatch' | 'Target.Timeout' | 'Target.FailedHealthChecks';
      description: string;
    };

/**
 * Asks one target once, on a connection of its own, and answers in AWS's words. Never rejects. As on AWS the check
 * goes straight to the target: no rule and no transform touches it.
 */
export async function checkTarget(
  target: { id: string; port: number },
  check: HealthCheck,
): Promise<HealthCheckResult> {
  // One deadline for everything: a target that trickles its headers does not count as alive.
  const deadline = AbortSignal.timeout(check.timeoutMs);
  try {
    const status = await ask(target, check.path, deadline);
    if (matchesCodes(check.codes, status)) return { ok: true };
    const description = `Health checks failed with these codes: [${status}]`;
    return { ok: false, reason: 'Target.ResponseCodeMismatch', description };
  } catch {
    // Which error it was is the target's affair; load balancing knows late from broken, and no more.
    return deadline.aborted
      ? { ok: false, reason: 'Target.Timeout', description: 'Request timed out' }
      : { ok: false, reason: 'Target.FailedHealthChecks', description: 'Health checks failed' };
  }
}

function ask({ id, port }: { id: string; port: number }, path: string, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const host = id.includes(':') ? `[${id}]:${port}` : `${id}:${port}`;
    const headers = { host, 'user-agent': 'ELB-HealthChecker/2.0' };
    const probe = request({ host: id, port, path, headers, agent: false, signal }, (response) => {
      resolve(response.statusCode ?? 0);
      response.resume();
    });
    probe.on('error', reject).end();
  });
}

export function matchesCodes(codes: string, status: number): boolean {
  return codes.split(',').some((part) => {
    const [from, to = from] = part.split('-').map(Number);
    return from !== undefined && to !== undefined && from <= status && status <= to;
  });
}
