import { ApiProblem, Unreachable, UnusableToken } from '../client/errors.ts';

/** What the exit code of every command means. Scripts rely on it. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  not_found: 3,
  auth: 4,
  conflict: 5,
  timed_out: 6,
  unreachable: 7,
  interrupted: 130,
} as const;

export type ExitName = keyof typeof EXIT;

/** A command ends with a code, and with what to tell about it: what happened, why, what to do next. */
export class Exit extends Error {
  override name = 'Exit';
  readonly code: ExitName;
  readonly detail: string;
  readonly hint: string | undefined;

  constructor(code: ExitName, title: string, detail: string, hint?: string) {
    super(title);
    this.code = code;
    this.detail = detail;
    this.hint = hint;
  }
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof Exit) return EXIT[error.code];
  if (error instanceof Unreachable) return EXIT.unreachable;
  // The API says 401 to a token that is none.
  if (error instanceof UnusableToken) return EXIT.auth;
  if (!(error instanceof ApiProblem)) return EXIT.failed;
  switch (error.problem.status) {
    case 400:
    case 413:
    case 415:
    case 422:
      return EXIT.usage;
    case 401:
    case 403:
      return EXIT.auth;
    case 404:
      // Whatever else listens there knows nothing of previews.
      return error.problem.code === 'not_tempus' ? EXIT.failed : EXIT.not_found;
    case 409:
    case 412:
      return EXIT.conflict;
    default:
      return EXIT.failed;
  }
}
