import type { Problem } from './types.ts';

/** The API answered, and its answer is no. */
export class ApiProblem extends Error {
  override name = 'ApiProblem';
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

/** Nobody answered at the server's address. */
export class Unreachable extends Error {
  override name = 'Unreachable';
  readonly server: string;

  constructor(server: string, cause: unknown) {
    super(`no answer from ${server}`, { cause });
    this.server = server;
  }
}

/** What is to be shown as a token cannot be one. The message never quotes it: most of it may be a real one. */
export class UnusableToken extends Error {
  override name = 'UnusableToken';

  constructor() {
    super('the token has characters that no token has');
  }
}
