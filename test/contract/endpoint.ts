import { ServiceQuotas } from '@aws-sdk/client-service-quotas';
import { STS } from '@aws-sdk/client-sts';
import { afterAll, afterEach, beforeAll, beforeEach, expect, type TestContext } from 'vitest';

import { type AwsClients, createClients } from '../../aws/clients.ts';
import { type Cloud, startCloud } from '../../localcloud/cloud.ts';
import { systemClock as clock } from '../../platform/clock.ts';
import { silentLog as log } from '../../platform/log.ts';
import { systemRandom as random } from '../../platform/random.ts';
import { FakeRuntime } from '../fakes/fake-runtime.ts';
import type { ServiceName } from './operations.ts';
import { type WatchedCalls, watchCalls } from './watched-calls.ts';

/** Any will do where requests are not authorized. SDK retries are off, so that every refusal is seen. */
const ANY_CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' };

/** A URL, or `aws` for the endpoints that the SDK itself knows: AWS has one a service. */
const GIVEN = process.env['TEMPUS_CONTRACT_ENDPOINT'];

/** The endpoint is localcloud in this process: what only its models promise may be tested too. */
export const IS_LOCAL = GIVEN === undefined || GIVEN === '';

/** What a load balancer and a task need on AWS. */
export const SUBNETS = (process.env['TEMPUS_CONTRACT_SUBNETS'] ?? 'subnet-1,subnet-2').split(',');
export const VPC = process.env['TEMPUS_CONTRACT_VPC'] ?? 'vpc-1';

/** A name that is nobody else's, short enough for every kind of resource. */
export function uniqueName(): string {
  return `tempus-contract-${random.uuid().slice(0, 8)}`;
}

/** The clients of an install, and those that only look at its account. */
export type ContractClients = AwsClients & { sts: STS; quotas: ServiceQuotas };

type Undo = () => Promise<unknown>;

/**
 * The real SDK clients in front of the endpoint that TEMPUS_CONTRACT_ENDPOINT names; without it, of a localcloud in
 * memory that runs no real task. Every answer's shape is looked at, and what the other endpoint lacks skips the test
 * that needs it, by name.
 */
export class Contract {
  readonly runtime = new FakeRuntime();
  readonly #undo: Undo[] = [];
  readonly #undoAtEnd: Undo[] = [];
  readonly #lacking = new Map<string, number>();
  #cloud: Cloud | undefined;
  #clients: ContractClients | undefined;
  #watched: WatchedCalls | undefined;
  #test: TestContext | undefined;

  get clients(): ContractClients {
    return this.#clients!;
  }

  get endpoint(): string {
    return IS_LOCAL ? this.#cloud!.endpoint : GIVEN!;
  }

  get calls(): WatchedCalls['calls'] {
    return this.#watched!.calls;
  }

  /** Has `job` take away again, after this test, what the test has made: the last first. */
  undo(job: Undo): void {
    this.#undo.push(job);
  }

  /** The same after the last test, for what the tests of a file share. */
  undoAtEnd(job: Undo): void {
    this.#undoAtEnd.push(job);
  }

  lacks(service: ServiceName, operation: string): boolean {
    return this.#lacking.has(`${service} ${operation}`);
  }

  async open(): Promise<void> {
    if (IS_LOCAL) this.#cloud = await this.#startCloud();
    const known = process.env['AWS_ACCESS_KEY_ID'] ?? process.env['AWS_PROFILE'];
    const config = {
      region: process.env['AWS_REGION'] ?? 'us-east-1',
      ...(GIVEN === 'aws' ? {} : { endpoint: this.endpoint }),
      ...(GIVEN !== 'aws' && (IS_LOCAL || known === undefined) ? { credentials: ANY_CREDENTIALS } : {}),
    };
    this.#clients = {
      ...createClients(config),
      sts: new STS({ ...config, maxAttempts: 1 }),
      quotas: new ServiceQuotas({ ...config, maxAttempts: 1 }),
    };
    this.#watched = watchCalls(this.#clients, {
      isLocal: IS_LOCAL,
      onLacking: (service, operation) => this.#skip(`${service} ${operation}`),
    });
  }

  begin(context: TestContext): void {
    this.#test = context;
  }

  async end(): Promise<void> {
    this.#test = undefined;
    for (const job of this.#undo.splice(0).toReversed()) await job().catch(leftBehind);
    expect(this.#watched!.takeFaults()).toEqual([]);
  }

  async close(): Promise<void> {
    for (const job of this.#undoAtEnd.splice(0).toReversed()) await job().catch(leftBehind);
    for (const [operation, tests] of this.#lacking) {
      process.stderr.write(`${GIVEN} lacks ${operation}: skipped ${tests} tests that need it\n`);
    }
    this.#clients?.sts.destroy();
    this.#clients?.quotas.destroy();
    this.#clients?.destroy();
    await this.#cloud?.stop();
  }

  #startCloud(): Promise<Cloud> {
    const { runtime } = this;
    const listenerPorts = 'any';
    return startCloud({
      clock,
      random,
      log,
      host: '127.0.0.1',
      awsPort: 0,
      listenerPorts,
      runtime,
      functions: {},
    });
  }

  /** Ends the running test here. Vitest keeps it skipped even where the test expects some other error. */
  #skip(operation: string): void {
    if (!this.#test) return;
    this.#lacking.set(operation, (this.#lacking.get(operation) ?? 0) + 1);
    this.#test.skip(`the endpoint lacks ${operation}`);
  }
}

/** On an account that outlives the test, a person has to know what is still there. */
function leftBehind(error: unknown): void {
  const { name, message } = error as Error;
  if (/NotFound|NotActive/.test(name) || message.includes('Unable to describe')) return;
  // localcloud itself is thrown away, also with what it has no operation to delete.
  if (IS_LOCAL && name === 'UnknownOperationException') return;
  if (IS_LOCAL) throw error;
  process.stderr.write(`could not clean up at ${GIVEN}: ${name}: ${message}\n`);
}

/** Opens the endpoint for the tests of this file. */
export function useContract(): Contract {
  const contract = new Contract();
  beforeAll(() => contract.open());
  afterAll(() => contract.close());
  beforeEach((context) => contract.begin(context));
  afterEach(() => contract.end());
  return contract;
}
