import { readLines } from './lines.ts';
import { type LogLine, LogResume } from './log-resume.ts';

/** How a log is asked for. */
export interface LogSource {
  /** Connects. Rejects where nobody answers, or the answer is no. */
  ask(query: { tail?: number; since?: string }): Promise<Response>;
  /** Whether nothing more can come. Rejects as `ask` does. */
  isOver(): Promise<boolean>;
  /** Waits before it is asked for again. */
  pause(): Promise<void>;
}

/**
 * The lines of a log and those that follow, each once, until it is over. Load balancers cut a connection on which nothing
 * was said for a minute: then it is asked for again from the newest line on. Rejects when that is not answered.
 */
export async function* followLog(
  source: LogSource,
  { tail, since }: { tail?: number; since?: string },
): AsyncGenerator<LogLine> {
  const resume = new LogResume({ isBounded: tail !== undefined || since !== undefined });
  let answer = await source.ask({ ...(tail === undefined ? {} : { tail }), ...sinceOf(since) });
  const date = answer.headers.get('date');
  if (tail === 0 && date !== null) resume.startAt(Date.parse(date));
  for (;;) {
    try {
      for await (const text of readLines(answer.body)) {
        const line = JSON.parse(text) as LogLine;
        if (resume.isNew(line)) yield line;
      }
      // A server that stops ends it too, and so does the end of the token: then the next request says so.
      if (await source.isOver()) return;
    } catch (error) {
      // The first is a cut in fetch's words, the second a line that was cut in two.
      if (!(error instanceof TypeError) && !(error instanceof SyntaxError)) throw error;
    }
    await source.pause();
    resume.reconnect();
    answer = await source.ask(sinceOf(resume.since ?? since));
  }
}

function sinceOf(since: string | undefined): { since?: string } {
  return since === undefined ? {} : { since };
}
