import { createWriteStream } from 'node:fs';
import type { WireCall } from '../../localcloud/wire/server.ts';

export interface CallJournal {
  note(call: WireCall): void;
  close(): Promise<void>;
}

/** A file with a line of JSON for each call to AWS: who asked for what, of what, and how it ended. Goes on with an old one. */
export function openCallJournal(file: string): CallJournal {
  const stream = createWriteStream(file, { flags: 'a' });
  return {
    note: (call) => void stream.write(`${JSON.stringify(call)}\n`),
    close: () => new Promise((resolve) => stream.end(resolve)),
  };
}
