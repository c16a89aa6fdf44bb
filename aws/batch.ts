import type { Clock } from '../platform/clock.ts';

export interface BatchDeps<Answer> {
  clock: Clock;
  /** How long the first question waits for others. */
  windowMs: number;
  /** So many keys AWS takes in one call. */
  most: number;
  ask: (keys: string[]) => Promise<Answer>;
  /** Whether an error may be the fault of one key alone; each question is then asked on its own. */
  mayBeOneKeys?: (error: unknown) => boolean;
}

interface Question<Answer> {
  keys: readonly string[];
  resolve: (answer: Answer) => void;
  reject: (error: unknown) => void;
}

/**
 * Joins questions that come together into one call. A question joins only a call that has not gone out yet: one that
 * is asked after a write is answered by a read after that write.
 */
export class Batch<Answer> {
  readonly #deps: BatchDeps<Answer>;
  #questions: Question<Answer>[] = [];
  #keys = new Set<string>();
  #cancel: (() => void) | undefined;

  constructor(deps: BatchDeps<Answer>) {
    this.#deps = deps;
  }

  /** The answer to a call that asks for these keys, and for others as well. At most as many keys as a call takes. */
  get(keys: readonly string[]): Promise<Answer> {
    const { clock, windowMs, most } = this.#deps;
    const more = keys.filter((key) => !this.#keys.has(key));
    if (this.#keys.size + new Set(more).size > most) this.#send();
    return new Promise((resolve, reject) => {
      this.#questions.push({ keys, resolve, reject });
      for (const key of keys) this.#keys.add(key);
      if (this.#keys.size >= most) this.#send();
      else this.#cancel ??= clock.after(windowMs, () => this.#send());
    });
  }

  #send(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const questions = this.#questions;
    const keys = [...this.#keys];
    this.#questions = [];
    this.#keys = new Set();
    void this.#answer(questions, keys);
  }

  async #answer(questions: readonly Question<Answer>[], keys: string[]): Promise<void> {
    try {
      const answer = await this.#deps.ask(keys);
      for (const { resolve } of questions) resolve(answer);
    } catch (error) {
      if (questions.length > 1 && this.#deps.mayBeOneKeys?.(error)) {
        for (const question of questions) void this.#answer([question], [...new Set(question.keys)]);
      } else for (const { reject } of questions) reject(error);
    }
  }
}
