import * as z from 'zod';
import { startCloud } from '../../localcloud/cloud.ts';
import { systemClock as clock } from '../../platform/clock.ts';
import { parseConfig, processEnv } from '../../platform/config.ts';
import { createLog, LOG_LEVELS } from '../../platform/log.ts';
import { systemRandom as random } from '../../platform/random.ts';
import { stopRequested } from '../../platform/signals.ts';
import { SCHEDULER_MINUTE_MS } from '../config.ts';
import { cloudFolder } from '../fresh.ts';
import { LISTENER_PORT, NAMES } from '../infrastructure.ts';
import { createRealism } from '../realism.ts';
import { createTaskRuntime } from '../task-runtime.ts';
import { openCallJournal } from './call-journal.ts';
import { invokeAt } from './functions.ts';

const port = z.coerce.number().int().min(1).max(65535);

/** AWS on one machine, as a process of its own: all that the others know of it is its endpoint. */
const env = parseConfig(
  z.object({
    TEMPUS_HOST: z.string(),
    TEMPUS_HOME: z.string(),
    TEMPUS_AWS_PORT: port,
    TEMPUS_ROUTER_PORT: port,
    TEMPUS_RUNTIME: z.enum(['auto', 'process', 'docker']).default('auto'),
    TEMPUS_REALISM: z.coerce.number().optional(),
    /** Where Lambda functions are invoked. */
    TEMPUS_LAMBDA_ENDPOINT: z.url(),
    TEMPUS_CALL_JOURNAL: z.string().optional(),
    TEMPUS_LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
  }),
  processEnv(),
);
const log = createLog(env.TEMPUS_LOG_LEVEL);
const journal = env.TEMPUS_CALL_JOURNAL === undefined ? undefined : openCallJournal(env.TEMPUS_CALL_JOURNAL);
const path = cloudFolder(env.TEMPUS_HOME);
const cloud = await startCloud({
  clock,
  random,
  log,
  path,
  host: env.TEMPUS_HOST,
  awsPort: env.TEMPUS_AWS_PORT,
  listenerPorts: { [LISTENER_PORT]: env.TEMPUS_ROUTER_PORT },
  runtime: createTaskRuntime({
    choice: env.TEMPUS_RUNTIME,
    home: env.TEMPUS_HOME,
    cloud: path,
    env: processEnv(),
    log,
  }),
  functions: { [NAMES.expire_function]: invokeAt(env.TEMPUS_LAMBDA_ENDPOINT, NAMES.expire_function) },
  events: invokeAt(env.TEMPUS_LAMBDA_ENDPOINT, NAMES.observe_function),
  realism: createRealism(env.TEMPUS_REALISM),
  ...(journal ? { onCall: (call) => journal.note(call) } : {}),
  ...(env.TEMPUS_REALISM === undefined ? { schedulerMinuteMs: SCHEDULER_MINUTE_MS } : {}),
});
log.info({ endpoint: cloud.endpoint }, 'listening');
await stopRequested();
await cloud.stop();
await journal?.close();
log.info('stopped');
