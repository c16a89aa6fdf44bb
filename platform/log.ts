import { type DestinationStream, type Logger, pino } from 'pino';

export type Log = Logger;

/** Levels that a process may be told to log at. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];

/** Values that must never reach a log line: they can hold what a team calls a secret. */
const redact = {
  paths: ['env', '*.env', 'spec.env', 'req.headers.authorization', 'req.headers.cookie'],
  censor: '[redacted]',
};

/** A JSON logger. Messages are constant, past tense and lower case; everything variable is a field. */
export function createLog(level: LogLevel, destination?: DestinationStream): Log {
  const options = { level, base: null, redact, timestamp: pino.stdTimeFunctions.isoTime };
  return destination ? pino(options, destination) : pino(options);
}

/** A logger that keeps nothing: the default of parts that are used without a process around them. */
export const silentLog: Log = pino({ level: 'silent' });

/** A logger that appends to one file. Synchronous, so that nothing is lost when the process is killed. */
export function createFileLog(level: LogLevel, file: string): Log {
  return createLog(level, pino.destination({ dest: file, mkdir: true, sync: true }));
}
