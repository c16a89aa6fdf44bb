import { setTimeout as delay } from 'node:timers/promises';
import { Agent, request } from 'node:http';
import type { Laptop } from '../e2e/laptop-process.ts';

/** Between two requests to one preview. */
const EVERY_MS = 500;

/** A steady load on one preview for as long as it is Ready, and what it got. */
export class Traffic {
  requests = 0;
  /** Answers that were not the preview's own while it had to serve. */
  readonly bad: string[] = [];
  readonly #laptop: Laptop;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 200 });

  constructor(laptop: Laptop) {
    this.#laptop = laptop;
  }

  /** Asks until `over`. What comes back within a moment of the end is nobody's promise. */
  async visit(id: string, over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      const status = await this.#ask(id);
      this.requests += 1;
      if (status !== 200 && !over.aborted) {
        await delay(EVERY_MS);
        if (!over.aborted) this.bad.push(`${id} answered ${status}`);
      }
      await delay(EVERY_MS);
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #ask(id: string): Promise<number> {
    const { router } = this.#laptop.ports;
    return new Promise((resolve) => {
      const asked = request(
        {
          host: '127.0.0.1',
          port: router,
          path: '/api',
          headers: { host: `preview-${id}.localhost:${router}` },
          agent: this.#agent,
          timeout: 10_000,
        },
        (response) => {
          response.resume();
          response.on('end', () => resolve(response.statusCode ?? 0)).on('error', () => resolve(0));
        },
      );
      asked.on('timeout', () => asked.destroy());
      asked.on('error', () => resolve(0));
      asked.end();
    });
  }
}
