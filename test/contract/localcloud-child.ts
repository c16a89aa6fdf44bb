import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

export interface LocalcloudChild {
  endpoint: string;
  process: ChildProcess;
}

/** Starts localcloud in a process of its own, over the folder `path` or in memory, at `port` or any. */
export async function startLocalcloud(path = '', port = 0): Promise<LocalcloudChild> {
  const program = new URL('localcloud-process.ts', import.meta.url).pathname;
  const child = fork(program, [path, String(port)]);
  const [endpoint] = (await once(child, 'message')) as [string];
  return { endpoint, process: child };
}
