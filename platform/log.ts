import { type DestinationStream, type Logger, pino } from 'pino';

export type Log = Logger;

/** Values that must never reach a log line: they can hold what a team calls a secret. */
const redact = {
  paths: ['env', '*.env', 'spec.env', 'req.headers.authorization', 'req.headers.cookie'],
  censor: '[redacted]',
};

/** A JSON logger. Messages are constant, past tense and lower case; everything variable is a field. */
export function createLog(level: string, destination?: DestinationStream): Log {
  const options = { level, base: null, redact, timestamp: pino.stdTimeFunctions.isoTime };
  return destination ? pino(options, destination) : pino(options);
}

/** A logger that keeps nothing: the default of parts that are used without a process around them. */
export const silentLog: Log = pino({ level: 'silent' });

/** A logger that appends to one file. Synchronous, so that nothing is lost when the process is killed. */
export function createFileLog(level: string, file: string): Log {
  return createLog(level, pino.destination({ dest: file, mkdir: true, sync: true }));
}
