import type { Plan } from '../terraform/plan.ts';
import type { Policy } from './policy.ts';

/** The policy of each role of an install, by the role's name without the install's. */
export function policiesOf(plan: Plan, install: string): Record<string, Policy> {
  return Object.fromEntries(
    plan.of('aws_iam_role_policy').map(({ address, values }) => {
      const { name, policy } = values as { name?: string; policy?: string };
      if (name === undefined || policy === undefined) throw new Error(`${address} is known only after apply`);
      if (!name.startsWith(`${install}-`))
        throw new Error(`${address} does not begin with its install's name`);
      return [name.slice(install.length + 1), JSON.parse(policy) as Policy];
    }),
  );
}
