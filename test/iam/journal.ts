import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';
import { requestsOf, type Request } from './requests.ts';

/** The folder to which the tests that run write what was asked of AWS; absent where nobody wants to know. */
const FOLDER = process.env['TEMPUS_TEST_CALLS'];
/** Later ones of the same kind ask for the same rights. */
const CALLS_OF_A_KIND = 20;

const counts = new Map<string, number>();
const written = new Set<string>();

/** The roles of an install, by which its policies are named. */
export type Role = 'api' | 'controller' | 'expire' | 'observe';

/** Notes which rights a call of a part takes on AWS. */
export function noteCall(role: Role, service: string, operation: string, input: unknown): void {
  if (FOLDER === undefined) return;
  const { TableName, IndexName } = (input ?? {}) as { TableName?: string; IndexName?: string };
  const kind = [role, service, operation, TableName, IndexName].join();
  const count = (counts.get(kind) ?? 0) + 1;
  counts.set(kind, count);
  if (count > CALLS_OF_A_KIND) return;
  for (const request of requestsOf(service, operation, input)) note(FOLDER, { ...request, role });
}

function note(folder: string, request: Request & { role: Role }): void {
  const line = JSON.stringify(request);
  if (written.has(line)) return;
  written.add(line);
  appendFileSync(join(folder, `${process.pid}-${threadId}.jsonl`), `${line}\n`);
}

interface Watchable {
  middlewareStack: {
    add(
      middleware: (
        next: (args: { input: unknown }) => Promise<unknown>,
        context: { commandName?: string },
      ) => (args: { input: unknown }) => Promise<unknown>,
      options: { step: 'initialize'; name: string },
    ): void;
  };
}

/** Notes every call of an SDK client as one that `role` makes. */
export function noteClient(role: Role, service: string, client: object): void {
  if (FOLDER === undefined) return;
  (client as Watchable).middlewareStack.add(
    (next, { commandName = '' }) =>
      (args) => {
        noteCall(role, service, commandName.replace(/Command$/, ''), args.input);
        return next(args);
      },
    { step: 'initialize', name: 'note-calls' },
  );
}
