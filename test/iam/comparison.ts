import { PLATFORM_REQUESTS } from './platform-requests.ts';
import { allowing, defectsOf, listOf, type Policy, type Statement } from './policy.ts';
import type { Request } from './requests.ts';

export interface Comparison {
  /** What was asked and is not allowed. */
  denied: string[];
  /** What is allowed and was never asked. */
  unused: string[];
  /** What AWS would not honour. */
  defects: string[];
  /** Number of actions of each role. */
  actions: Record<string, number>;
}

/** Holds the policies of an install's roles against what was asked of AWS in their names, both ways. */
export async function compare(
  policies: Readonly<Record<string, Policy>>,
  recorded: readonly (Request & { role: string })[],
): Promise<Comparison> {
  const result: Comparison = { denied: [], unused: [], defects: [], actions: {} };
  for (const { role } of recorded)
    if (!policies[role]) throw new Error(`calls of ${role} were recorded, and it has no policy`);
  for (const [role, policy] of Object.entries(policies)) {
    const statements = listOf(policy.Statement);
    const asked = [...recorded.filter((one) => one.role === role), ...(PLATFORM_REQUESTS[role] ?? [])];
    const used = new Set<string>();
    for (const request of asked) result.denied.push(...deniedOf(role, statements, request, used));
    for (const [n, statement] of statements.entries()) {
      for (const action of listOf(statement.Action))
        if (statement.Effect === 'Allow' && !used.has(`${n} ${action}`))
          result.unused.push(`${role}: ${action} on ${listOf(statement.Resource).join(', ')}`);
      result.defects.push(...(await defectsOf(statement)).map((defect) => `${role}: ${defect}`));
    }
    const allowed = statements.filter(({ Effect }) => Effect === 'Allow');
    result.actions[role] = new Set(allowed.flatMap(({ Action }) => listOf(Action))).size;
  }
  return result;
}

function deniedOf(role: string, statements: Statement[], request: Request, used: Set<string>): string[] {
  return request.resources.flatMap((resource) => {
    const found = allowing(statements, request, resource);
    for (const statement of found) used.add(`${statements.indexOf(statement)} ${request.action}`);
    return found.length > 0
      ? []
      : [`${role}: ${request.action} on ${resource} with ${JSON.stringify(request.context)}`];
  });
}
