import { type Condition, CONDITION_TYPES, type ConditionType } from './record.ts';

export type Finding = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/** Every condition, Unknown, as a preview has it before the controller has looked at it. */
export function initialConditions(at: string): Condition[] {
  return CONDITION_TYPES.map((type) => ({
    type,
    status: 'Unknown',
    reason: 'Pending',
    message: 'the controller has not looked at this yet',
    last_transition_at: at,
  }));
}

/** `conditions` with `finding` in place. last_transition_at moves only when the status flips. */
export function withCondition(conditions: readonly Condition[], finding: Finding, at: string): Condition[] {
  const before = conditions.find(({ type }) => type === finding.type);
  const last_transition_at = before && before.status === finding.status ? before.last_transition_at : at;
  const next: Condition = { ...finding, last_transition_at };
  return before
    ? conditions.map((condition) => (condition.type === finding.type ? next : condition))
    : [...conditions, next];
}

export function findCondition(conditions: readonly Condition[], type: ConditionType): Condition | undefined {
  return conditions.find((condition) => condition.type === type);
}
