import { InvalidConfigurationRequestException } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Random } from '../platform/random.ts';
import type { RoutingView } from './elbv2/routing-view.ts';
import { type LoadBalancer, startLoadBalancer } from './load-balancer/server.ts';

/** A listener of a modelled load balancer, by the port that it has there. */
export interface Listener {
  arn: string;
  port: number;
}

/**
 * Where the listeners of modelled load balancers really listen, by their own port; 0 for any. A port that is not
 * named is itself. `any`: each on a port that is free, for tests.
 */
export type ListenerPorts = Readonly<Record<number, number>> | 'any';

export interface ListenersDeps {
  clock: Clock;
  random: Random;
  log: Log;
  host: string;
  ports: ListenerPorts;
}

interface Open {
  port: number;
  server: LoadBalancer;
}

/** The real HTTP servers of the modelled load balancers' listeners. */
export class Listeners {
  readonly #deps: ListenersDeps;
  readonly #open = new Map<string, Open>();

  constructor(deps: ListenersDeps) {
    this.#deps = deps;
  }

  /** Rejects, saying which port is taken, when the listener cannot be served on this machine. */
  async open({ arn, port }: Listener, routing: RoutingView): Promise<void> {
    const { ports, host, log, clock, random } = this.#deps;
    const at = ports === 'any' ? 0 : (ports[port] ?? port);
    try {
      const options = { routing, listenerArn: arn, host, port: at, log, clock, random };
      this.#open.set(arn, { port, server: await startLoadBalancer(options) });
    } catch (error) {
      if (!isTaken(error)) throw error;
      const message = `The listener with port ${port} cannot be served: port ${at} of ${host} is taken.`;
      throw new InvalidConfigurationRequestException({ $metadata: {}, message });
    }
  }

  async close({ arn }: Pick<Listener, 'arn'>): Promise<void> {
    const open = this.#open.get(arn);
    this.#open.delete(arn);
    await open?.server.close();
  }

  /** Where the listener with this port of its own is reached. */
  portOf(port: number): number | undefined {
    return [...this.#open.values()].find((open) => open.port === port)?.server.port;
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#open.keys()].map((arn) => this.close({ arn })));
  }
}

/** On a privileged port the answer is EACCES, and just as final. */
function isTaken(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return ['EADDRINUSE', 'EACCES', 'EADDRNOTAVAIL'].includes(code);
}
