import type { ECS } from '@aws-sdk/client-ecs';

import { type Fault, faultsOf, SURPLUS } from './answer-shape.ts';
import { SDKS, SERVICES, type ServiceName } from './operations.ts';

/** One call that a suite made, as the SDK understood its answer. */
export interface Call {
  service: ServiceName;
  operation: string;
  /** The name of the error; absent after a success. */
  refusal?: string;
}

export interface WatchOptions {
  /** Another endpoint than localcloud may lack an operation, and may have members newer than this SDK. */
  isLocal: boolean;
  /** The endpoint has no such operation. */
  onLacking: (service: ServiceName, operation: string) => void;
}

/** What the real SDK clients have been answered. */
export interface WatchedCalls {
  readonly calls: readonly Call[];
  /** Takes the faults that were found since it was last asked. */
  takeFaults(): Fault[];
}

/** Errors of AWS's front door, for which no SDK has classes. */
const COMMON = ['ValidationException', 'ValidationError', 'SerializationException', 'MalformedInput'];
const LACKING = ['UnknownOperationException', 'UnknownOperation', 'InvalidAction', 'NotImplemented'];

type Stack = ECS['middlewareStack'];
interface Failure {
  name: string;
  message: string;
  $fault?: string;
  $metadata?: { httpStatusCode?: number };
}

type Clients = Readonly<Record<ServiceName, { middlewareStack: unknown }>>;

/** Looks at every answer that `clients` get: what was called, and whether the raw body has AWS's shape. */
export function watchCalls(clients: Clients, { isLocal, onLacking }: WatchOptions): WatchedCalls {
  const calls: Call[] = [];
  const faults: Fault[] = [];

  const watch = (service: ServiceName, stack: Stack) => {
    stack.add(
      (next, context) => async (args) => {
        const operation = operationOf(context);
        try {
          const output = await next(args);
          calls.push({ service, operation });
          return output;
        } catch (error) {
          const failure = error as Failure;
          if (!isLocal && isLacking(failure)) onLacking(service, operation);
          else if (failure.$fault === 'client') calls.push({ service, operation, refusal: failure.name });
          if (isLocal && !isKnown(service, failure)) {
            faults.push(`${service} ${operation}: AWS has no ${failure.name} (${failure.message})`);
          }
          throw error;
        }
      },
      { step: 'initialize', name: 'contract-calls' },
    );
    stack.add(
      (next, context) => async (args) => {
        const result = await next(args);
        const response = result.response as {
          statusCode: number;
          body: AsyncIterable<Uint8Array> | Uint8Array;
        };
        const body = await collect(response.body);
        response.body = body;
        if (response.statusCode < 300) {
          const found = faultsOf(service, outputOf(context), body.toString('utf8'));
          const counted = isLocal ? found : found.filter((fault) => !fault.endsWith(SURPLUS));
          faults.push(...counted.map((fault) => `${service} ${operationOf(context)}: ${fault}`));
        }
        return result;
      },
      { step: 'deserialize', priority: 'low', name: 'contract-shapes' },
    );
  };

  for (const service of SERVICES) watch(service, clients[service].middlewareStack as Stack);
  return { calls, takeFaults: () => faults.splice(0) };
}

function isLacking({ name, message, $metadata }: Failure): boolean {
  const status = $metadata?.httpStatusCode;
  if (LACKING.includes(name) || status === 501) return true;
  // Emulators without a service at all answer their own 404, which is no error of AWS's.
  if (status === 404 && (name === 'UnknownError' || name === 'Error')) return true;
  return /not (yet )?(been )?implemented/i.test(message);
}

/** An error that the SDK has a class for, one of the front door, or none of AWS's making at all. */
function isKnown(service: ServiceName, { name, $fault }: Failure): boolean {
  if ($fault === undefined) return true;
  return $fault === 'client' && (COMMON.includes(name) || LACKING.includes(name) || name in SDKS[service]);
}

/** Where the SDK keeps the schema of the command that runs. */
const SCHEMA_CONTEXT = '__smithy_context';

interface Context {
  commandName?: string;
  [SCHEMA_CONTEXT]?: { operationSchema?: readonly unknown[] };
}

function operationOf(context: object): string {
  return (context as Context).commandName?.replace(/Command$/, '') ?? 'unknown';
}

const OUTPUT = 5;

function outputOf(context: object): unknown {
  return (context as Context)[SCHEMA_CONTEXT]?.operationSchema?.[OUTPUT];
}

async function collect(body: AsyncIterable<Uint8Array> | Uint8Array): Promise<Buffer> {
  if (body instanceof Uint8Array) return Buffer.from(body);
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}
