import { ApiProblem, Unreachable, UnusableToken } from '../client/errors.ts';
import type { Problem } from '../client/types.ts';
import { Exit } from './exit-codes.ts';

/** Why a command did not do what it was asked for: the API's own problem, or one in the same form. */
export type Failure = Pick<Problem, 'title' | 'detail' | 'code' | 'retryable' | 'hint'>;

export function failureOf(error: unknown): Failure {
  if (error instanceof ApiProblem) return error.problem;
  if (error instanceof Exit) {
    const { message: title, detail, code, hint } = error;
    return { title, detail, code, retryable: code === 'timed_out', ...(hint === undefined ? {} : { hint }) };
  }
  if (error instanceof Unreachable) {
    return {
      title: `no answer from ${error.server}`,
      detail: 'Tempus does not seem to run there',
      code: 'unreachable',
      retryable: true,
      hint: 'npm start, or give --server',
    };
  }
  if (error instanceof UnusableToken) {
    return {
      title: 'TEMPUS_TOKEN is not a token',
      detail: error.message,
      code: 'unusable_token',
      retryable: false,
      hint: 'copy all of it anew, in one line, without quotes, spaces or dots; tempus token create makes one',
    };
  }
  const { message, stack } = error instanceof Error ? error : { message: String(error), stack: undefined };
  return { title: message, detail: stack ?? 'no more is known', code: 'defect', retryable: false };
}

/** Three lines: what happened, why, what to do next. */
export function failureLines({ title, detail, hint }: Failure): string[] {
  return [`error: ${title}`, `  ${detail}`, ...(hint === undefined ? [] : [`  next: ${hint}`])];
}
