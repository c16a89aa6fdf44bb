import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type {
  ContainerExit,
  RunningContainer,
  TaskLaunch,
  TaskPlace,
  TaskRuntime,
} from '../../../localcloud/task-runtime.ts';

/** Tells of the first request of a load balancer's health checks that a preview has answered. */
export type OnChecked = (previewId: string) => void;

/** Runs each task as a server of this process that answers at once: all the time until Ready is then AWS's or Tempus's. */
export class AnsweringRuntime implements TaskRuntime {
  readonly #onChecked: OnChecked;

  constructor(onChecked: OnChecked) {
    this.#onChecked = onChecked;
  }

  async prepare({ containers }: TaskLaunch): Promise<TaskPlace> {
    const id = containers[0]?.env['TEMPUS_PREVIEW_ID'] ?? '';
    const server = createServer((request, response) => {
      if (request.headers['user-agent']?.startsWith('ELB-HealthChecker')) this.#onChecked(id);
      response.setHeader('content-type', 'text/plain').end('hello\n');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return {
      endpoint: () => ({ address: '127.0.0.1', port }),
      start: async () => running(server),
      close: () => closed(server),
    };
  }

  async reclaim(): Promise<void> {
    // What an earlier process ran ended with it.
  }
}

function running(server: Server): RunningContainer {
  const exited = Promise.withResolvers<ContainerExit>();
  return {
    exited: exited.promise,
    stop: async () => {
      await closed(server);
      exited.resolve({ exitCode: 0 });
    },
    check: async () => server.listening,
  };
}

async function closed(server: Server): Promise<void> {
  if (!server.listening) return;
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
}
