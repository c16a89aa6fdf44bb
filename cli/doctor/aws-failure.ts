import type { DoctorClients } from '../../aws/doctor-clients.ts';
import { classify, credentialFault, isClusterGone, isScheduleGone, isTableGone } from '../../aws/errors.ts';
import { type Finding, fail, skipped } from './finding.ts';

/**
 * What it means that a call to AWS failed; undefined where no call did. A missing right makes nothing worse than it is:
 * the check is skipped, and says what it takes.
 */
export function explainAws({
  actionOf,
}: Pick<DoctorClients, 'actionOf'>): (error: unknown) => Finding | undefined {
  return (error) => {
    const action = actionOf(error);
    if (action === undefined) return undefined;
    const { kind, message } = classify(error);
    const facts = { action, error: (error as Error).name, message };
    if (isTableGone(error) || isClusterGone(error) || isScheduleGone(error)) {
      return skipped('what it reads is not there: see the checks of tables, cluster and fuses', { facts });
    }
    if (credentialFault(error) !== undefined) {
      const means = `AWS took the credentials a moment ago, and not for ${action}: ${message}`;
      return fail(`credentials do not work for ${action}`, {
        means,
        fix: 'aws sts get-caller-identity',
        facts,
      });
    }
    switch (kind) {
      case 'denied':
        return skipped(`not allowed: ${action}`, {
          means: `It could not be looked at. AWS says: ${message}`,
          fix: `allow ${action}: docs/doctor.md has a policy of all that doctor reads`,
          facts,
        });
      case 'throttle':
        return fail(`AWS asks for patience at ${action}`, {
          means: 'Somebody in the account calls AWS more often than it takes; the controller waits, too.',
          fix: 'try again in a minute',
          facts,
        });
      case 'transient':
        return fail(`no answer from AWS to ${action}`, {
          means: `The service did not answer, or not in time: ${message}`,
          fix: 'try again; see the network, a proxy, AWS_ENDPOINT_URL, and health.aws.amazon.com',
          facts,
        });
      case 'conflict':
      case 'capacity':
      case 'invalid':
        return fail(`AWS refuses ${action}: ${facts.error}`, {
          means: message,
          fix: 'compare --install and --region with what make deploy printed',
          facts,
        });
    }
  };
}
