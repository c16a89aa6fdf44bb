// Stands in for `terraform` on PATH: its commands, its state and its backends, over localcloud and the fake of ECR in place
// of providers. Buckets are folders. What it did, and what it saw standing when it was to destroy, goes into a journal.
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { print, printError } from '../../platform/terminal.ts';

interface State {
  resources: { address: string; mode: string; type: string; values: Record<string, unknown> }[];
  outputs: Record<string, { value: unknown }>;
}

const { env } = process;
const [command = '', ...args] = process.argv.slice(2);
const folder = process.cwd();
const isBootstrap = basename(folder) === 'bootstrap';
const POINTER = join(folder, '.terraform/terraform.tfstate');
const EMPTY: State = { resources: [], outputs: {} };

class Failure extends Error {}

// Most of its calls are over before a client of the SDK is even loaded.
async function openEcr(region: string) {
  const { ECR } = await import('@aws-sdk/client-ecr');
  return new ECR({ region });
}

async function openAccount() {
  const { createClients } = await import('../../aws/clients.ts');
  return createClients({ region: 'us-east-1', endpoint: env['AWS_ENDPOINT_URL'] });
}

/** Path of the state that a backend.tf, or the lack of one, means. */
function place(backend: string): string {
  const value = (name: string) => new RegExp(`${name} += "([^"]+)"`).exec(backend)?.[1] ?? '';
  if (!backend.includes('backend "s3"')) return join(folder, 'terraform.tfstate');
  const bucket = join(env['STAND_IN_BUCKETS'] ?? '', value('bucket'));
  if (!existsSync(bucket)) throw new Failure(`S3 bucket "${value('bucket')}" does not exist`);
  return join(bucket, value('key'));
}

const configured = () => {
  const file = join(folder, 'backend.tf');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
};
const pointed = () => (existsSync(POINTER) ? readFileSync(POINTER, 'utf8') : '');

function read(path: string): State {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  return text === '' ? structuredClone(EMPTY) : (JSON.parse(text) as State);
}

function init(): void {
  const [before, after] = [pointed(), configured()];
  const changed = before !== after && (before !== '' || existsSync(POINTER));
  if (changed && !args.includes('-reconfigure') && !args.includes('-migrate-state'))
    throw new Failure('Backend configuration changed');
  if (before !== after && args.includes('-migrate-state')) {
    if (env['STAND_IN_BREAKS_AT'] === 'migration') throw new Failure('stopped before the state was copied');
    const [from, to] = [place(before), place(after)];
    const state = read(from);
    if (state.resources.length > 0) writeFileSync(to, JSON.stringify(state));
    if (!before.includes('"s3"') && existsSync(from)) writeFileSync(from, '');
  } else place(after);
  // As Terraform does: without a backend, -reconfigure leaves the one of before where it is noted.
  if (after === '' && before !== '' && args.includes('-reconfigure')) return;
  mkdirSync(dirname(POINTER), { recursive: true });
  writeFileSync(POINTER, after);
}

function requireInit(): string {
  if (!existsSync(POINTER) || pointed() !== configured())
    throw new Failure('Backend initialization required');
  return place(configured());
}

function variables(): Record<string, string> {
  const given = args
    .filter((arg) => arg.startsWith('-var='))
    .map((arg) => arg.slice('-var='.length).split('='));
  return Object.fromEntries(given) as Record<string, string>;
}

const resource = (address: string, values: Record<string, unknown> = {}) => ({
  address,
  mode: 'managed',
  type: address.split('.')[0] ?? '',
  values,
});

async function applyBootstrap(path: string): Promise<void> {
  const { install = '', region = '', state: kind = 's3', disposable } = variables();
  const ecr = await openEcr(region);
  const state = read(path);
  const has = (address: string) => state.resources.some((one) => one.address === address);
  const save = () => writeFileSync(path, JSON.stringify(state));
  const bucket = `${install}-state-000000000000-${region}`;
  if (kind === 's3' && !has('aws_s3_bucket.state[0]')) {
    const at = join(env['STAND_IN_BUCKETS'] ?? '', bucket);
    if (existsSync(at)) throw new Failure(`BucketAlreadyExists: ${bucket}`);
    mkdirSync(at);
    state.resources.push(resource('aws_s3_bucket.state[0]'));
    state.outputs = { state_bucket: { value: bucket } };
    save();
  }
  for (const part of ['control-plane', 'hello']) {
    const address = `aws_ecr_repository.image["${part}"]`;
    if (has(address)) continue;
    if (env['STAND_IN_BREAKS_AT'] === part) throw new Failure(`stopped before the repository of ${part}`);
    const tags = { 'tempus:control-plane': install, 'tempus:state': kind === 's3' ? bucket : 'local' };
    await ecr.createRepository({
      repositoryName: `${install}-${part}`,
      tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
    });
    state.resources.push(resource(address, { name: `${install}-${part}` }));
    save();
  }
  for (const { type, values } of state.resources)
    values[type === 'aws_s3_bucket' ? 'force_destroy' : 'force_delete'] = disposable === 'true';
  save();
}

async function destroyBootstrap(path: string): Promise<void> {
  const { install = '', region = '' } = variables();
  const ecr = await openEcr(region);
  const state = read(path);
  for (const one of state.resources.toReversed()) {
    if (one.values['force_destroy'] === false || one.values['force_delete'] === false)
      throw new Failure(`${one.address} is not empty`);
    if (one.type === 'aws_s3_bucket')
      rmSync(join(env['STAND_IN_BUCKETS'] ?? '', `${install}-state-000000000000-${region}`), {
        recursive: true,
      });
    else await ecr.deleteRepository({ repositoryName: String(one.values['name']), force: true });
    state.resources.pop();
    writeFileSync(path, JSON.stringify(state));
    if (env['STAND_IN_BREAKS_AT'] === 'end') throw new Failure('stopped on the way to nothing');
  }
}

async function applyRoot(path: string): Promise<void> {
  const json = (file: string) =>
    JSON.parse(readFileSync(join(folder, file), 'utf8')) as Record<string, string>;
  const { control_plane_image, default_image } = json('images.auto.tfvars.json');
  if (json('install.auto.tfvars.json')['install'] === undefined) throw new Failure('no value for install');
  const { provision } = await import('../../laptop/infrastructure.ts');
  const clients = await openAccount();
  await provision(clients);
  await applyServices(clients, control_plane_image ?? '');
  clients.destroy();
  const outputs = JSON.parse(readFileSync(env['STAND_IN_OUTPUTS'] ?? '', 'utf8')) as Record<string, object>;
  const api = {
    image: control_plane_image,
    environment: [{ name: 'TEMPUS_DEFAULT_IMAGE', value: default_image }],
  };
  outputs['containers'] = { api, ...outputs['containers'] };
  const state: State = {
    resources: ['aws_ecs_service.api', 'aws_ecs_service.controller'].map((address) => resource(address)),
    outputs: Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, { value }])),
  };
  writeFileSync(path, JSON.stringify(state));
}

/** The control plane's services, without tasks: those of a test are processes of its own. */
async function applyServices({ ecs }: Awaited<ReturnType<typeof openAccount>>, image: string): Promise<void> {
  const { NAMES } = await import('../../laptop/infrastructure.ts');
  for (const part of ['api', 'controller']) {
    const name = `${NAMES.install}-${part}`;
    // As after a circuit breaker: the service is steady, on what ran before.
    if (env['STAND_IN_TAKES_BACK'] === part) continue;
    await ecs.registerTaskDefinition({
      family: name,
      requiresCompatibilities: ['FARGATE'],
      networkMode: 'awsvpc',
      cpu: '256',
      memory: '512',
      containerDefinitions: [{ name: part, image }],
    });
    const service = { cluster: NAMES.cluster, taskDefinition: name };
    const { services = [] } = await ecs.describeServices({ cluster: NAMES.cluster, services: [name] });
    if (services.length > 0) await ecs.updateService({ ...service, service: name });
    else
      await ecs.createService({
        ...service,
        serviceName: name,
        desiredCount: 0,
        launchType: 'FARGATE',
        networkConfiguration: { awsvpcConfiguration: { subnets: [...NAMES.subnets] } },
      });
  }
}

function destroyRoot(path: string): void {
  if (env['STAND_IN_BREAKS_AT'] !== 'destroy') {
    writeFileSync(path, JSON.stringify(EMPTY));
    return;
  }
  const state = read(path);
  state.resources = state.resources.filter(({ address }) => address !== 'aws_ecs_service.controller');
  writeFileSync(path, JSON.stringify(state));
  throw new Failure('stopped after the controller');
}

async function note(what: string): Promise<void> {
  const world =
    env['AWS_ENDPOINT_URL'] === undefined || what !== 'destroy' || isBootstrap ? {} : { world: await seen() };
  const told = Object.keys(env)
    .filter((name) => name.startsWith('TF_'))
    .toSorted();
  appendFileSync(env['STAND_IN_JOURNAL'] ?? '', `${JSON.stringify({ what, isBootstrap, told, ...world })}\n`);
}

/** What a destroy would leave behind for ever. */
async function seen() {
  const { NAMES } = await import('../../laptop/infrastructure.ts');
  const { inspect } = await import('../e2e/world.ts');
  const clients = await openAccount();
  const { TableNames = [] } = await clients.dynamodb.listTables({});
  if (!TableNames.includes(NAMES.previews)) return undefined;
  const { Items = [] } = await clients.document.scan({ TableName: NAMES.previews, ConsistentRead: true });
  clients.destroy();
  const live = Items.filter(({ live: flag }) => flag !== undefined).length;
  const world = await inspect({ aws: env['AWS_ENDPOINT_URL'] ?? '' });
  const ofPreviews = (names: string[]) => names.filter((name) => /tempus-[0-9a-f]{8}/.test(name));
  const { services, taskDefinitions } = world;
  return { live, ...world, services: ofPreviews(services), taskDefinitions: ofPreviews(taskDefinitions) };
}

async function approve(): Promise<void> {
  if (args.includes('-auto-approve')) return;
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await lines.question('Do you want to perform these actions? ');
  lines.close();
  if (answer !== 'yes') throw new Failure('Apply cancelled.');
}

async function run(): Promise<void> {
  switch (command) {
    case 'version':
      print(JSON.stringify({ terraform_version: env['STAND_IN_VERSION'] ?? '1.11.4' }));
      return;
    case 'init':
      init();
      return;
    case 'show': {
      const { resources } = read(requireInit());
      print(JSON.stringify(resources.length > 0 ? { values: { root_module: { resources } } } : {}));
      return;
    }
    case 'output':
      print(JSON.stringify(read(requireInit()).outputs));
      return;
    case 'apply':
    case 'destroy': {
      const path = requireInit();
      await approve();
      await note(command);
      if (isBootstrap) await (command === 'apply' ? applyBootstrap(path) : destroyBootstrap(path));
      else if (command === 'apply') await applyRoot(path);
      else destroyRoot(path);
      print(`${command} complete`);
      return;
    }
    default:
      throw new Failure(`terraform has no command ${command}`);
  }
}

try {
  await run();
} catch (error) {
  printError(`Error: ${error instanceof Failure ? error.message : String((error as Error).stack)}`);
  process.exitCode = 1;
}
