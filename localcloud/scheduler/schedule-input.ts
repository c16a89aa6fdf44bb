import type { CreateScheduleCommandInput, FlexibleTimeWindow, Target } from '@aws-sdk/client-scheduler';
import { invalid } from './errors.ts';
import { parseExpression } from './expression.ts';
import type { StoredSchedule } from './state.ts';

const NAME = /^[0-9a-zA-Z-_.]{1,64}$/;
/** AWS's own: tries for a day, with growing pauses. */
const RETRIES = { attempts: 185, seconds: 86_400 };
const NOT_MODELLED = ['StartDate', 'EndDate', 'KmsKeyArn'] as const;
const TARGET_MEMBERS = ['Arn', 'RoleArn', 'Input', 'RetryPolicy'];

export function checkName(name: string | undefined): string {
  if (name === undefined || !NAME.test(name)) {
    throw invalid(`Value '${name}' at 'name' failed to satisfy constraint: must match ${NAME.source}`);
  }
  return name;
}

function oneOf<T extends string>(member: string, value: string | undefined, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw invalid(`${member} must be one of ${allowed.join(', ')}.`);
  return found;
}

function within(member: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw invalid(`${member} must be between ${min} and ${max}.`);
}

/** What of a schedule its input decides. Throws ValidationException; what is not modelled is refused, never dropped. */
export function readSchedule(
  input: CreateScheduleCommandInput,
): Pick<StoredSchedule, 'expression' | 'state' | 'target' | 'flexible' | 'afterCompletion' | 'description'> {
  for (const member of NOT_MODELLED) {
    if (input[member] !== undefined) throw invalid(`${member} is not modelled here.`);
  }
  if ((input.ScheduleExpressionTimezone ?? 'UTC') !== 'UTC') {
    throw invalid('ScheduleExpressionTimezone: a zone other than UTC is not modelled here.');
  }
  const expression = input.ScheduleExpression ?? '';
  parseExpression(expression);
  return {
    expression,
    state: oneOf('State', input.State ?? 'ENABLED', ['ENABLED', 'DISABLED']),
    target: readTarget(input.Target),
    flexible: readWindow(input.FlexibleTimeWindow),
    afterCompletion: oneOf('ActionAfterCompletion', input.ActionAfterCompletion ?? 'NONE', [
      'NONE',
      'DELETE',
    ]),
    ...(input.Description === undefined ? {} : { description: input.Description }),
  };
}

function readTarget(target: Target | undefined): StoredSchedule['target'] {
  if (!target?.Arn || !target.RoleArn) throw invalid('Target: Arn and RoleArn are required.');
  const unknown = Object.entries(target).find(
    ([member, value]) => value !== undefined && !TARGET_MEMBERS.includes(member),
  );
  if (unknown) throw invalid(`Target.${unknown[0]} is not modelled here.`);
  const { MaximumRetryAttempts: attempts, MaximumEventAgeInSeconds: seconds } = target.RetryPolicy ?? {};
  return {
    ...target,
    RetryPolicy: {
      MaximumRetryAttempts: within('MaximumRetryAttempts', attempts ?? RETRIES.attempts, 0, RETRIES.attempts),
      MaximumEventAgeInSeconds: within(
        'MaximumEventAgeInSeconds',
        seconds ?? RETRIES.seconds,
        60,
        RETRIES.seconds,
      ),
    },
  };
}

function readWindow(window: FlexibleTimeWindow | undefined): FlexibleTimeWindow {
  const Mode = oneOf('FlexibleTimeWindow.Mode', window?.Mode, ['OFF', 'FLEXIBLE']);
  const minutes = window?.MaximumWindowInMinutes;
  if (Mode === 'OFF' && minutes !== undefined) {
    throw invalid('MaximumWindowInMinutes must not be set when Mode is OFF.');
  }
  if (Mode === 'OFF') return { Mode };
  return { Mode, MaximumWindowInMinutes: within('MaximumWindowInMinutes', minutes ?? 0, 1, 1_440) };
}
