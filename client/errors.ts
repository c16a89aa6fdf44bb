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
