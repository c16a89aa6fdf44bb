/** Lets the jobs on one name run one after the other, in the order in which they asked. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  /**
   * Runs `job` when every earlier job on any of `names` is over. All names are queued for in one step, so two jobs
   * can never wait for each other.
   */
  take<T>(names: readonly string[], job: () => Promise<T>): Promise<T> {
    const earlier = names.map((name) => this.#last.get(name) ?? Promise.resolve());
    const run = Promise.all(earlier).then(job);
    // The caller of this job hears of its failure; the next in line must not.
    const over = Promise.allSettled([run]);
    for (const name of names) {
      this.#last.set(name, over);
      void over.then(() => this.#last.get(name) === over && this.#last.delete(name));
    }
    return run;
  }

  /** Resolves when no job is running or waiting. */
  async idle(): Promise<void> {
    while (this.#last.size > 0) await Promise.all(this.#last.values());
  }
}
