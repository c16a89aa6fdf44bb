import { type AwsClients, createClients } from '../../aws/clients.ts';
import { type Cloud, startCloud } from '../../localcloud/cloud.ts';
import { systemClock as clock } from '../../platform/clock.ts';
import { silentLog as log } from '../../platform/log.ts';
import { systemRandom as random } from '../../platform/random.ts';
import { FakeRuntime } from '../fakes/fake-runtime.ts';

/** The real SDK clients in front of an endpoint. */
export interface ContractEndpoint {
  endpoint: string;
  clients: AwsClients;
  /** The endpoint is localcloud in this process: what only its models promise may be tested too. */
  isLocal: boolean;
  close(): Promise<void>;
}

/** Any will do where requests are not authorized; SDK retries are off, so that every refusal is seen. */
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };

/** The endpoint that TEMPUS_CONTRACT_ENDPOINT names; without it, localcloud in memory, running no real task. */
export async function contractEndpoint(): Promise<ContractEndpoint> {
  const given = process.env['TEMPUS_CONTRACT_ENDPOINT'];
  if (given) return connect(given);
  const cloud = await startCloud({
    clock,
    random,
    log,
    host: '127.0.0.1',
    awsPort: 0,
    listenerPorts: 'any',
    runtime: new FakeRuntime(),
    functions: {},
  });
  return connect(cloud.endpoint, cloud);
}

function connect(endpoint: string, cloud?: Cloud): ContractEndpoint {
  const clients = createClients({ region: 'us-east-1', endpoint, credentials });
  return {
    endpoint,
    clients,
    isLocal: cloud !== undefined,
    close: async () => {
      clients.destroy();
      await cloud?.stop();
    },
  };
}
