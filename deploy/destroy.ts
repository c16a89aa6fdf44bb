import { stopRequested } from '../platform/signals.ts';
import { ask, print } from '../platform/terminal.ts';
import { closeApi, HOW_TO_REOPEN, requireWaiting } from './api-service.ts';
import { readPlace } from './backend.ts';
import { Bootstrap, holdsState } from './bootstrap.ts';
import { announceCaller, type Caller } from './caller.ts';
import {
  FILES,
  findAccount,
  findInstall,
  type Install,
  readFile,
  removeFile,
  requireInstall,
  writeJson,
} from './checkout.ts';
import { requireChoices, TERRAFORM_FOLDER } from './deploy.ts';
import { createClients, type Deployed, readDeployed, readImages } from './deployed.ts';
import { drain, nameOf, requireLeader, requireNotKept, untilEmpty } from './drain.ts';
import { Refusal } from './refusal.ts';
import { listRemains, orphansOf, type Remains } from './remains.ts';
import { Repositories } from './repositories.ts';
import type { Given } from './settings.ts';
import { requireTerraform, Terraform } from './terraform.ts';

/** Without it no preview was ever created, or Terraform was stopped on its way after everything had gone. */
const CONTROLLER = 'aws_ecs_service.controller';

const FORCE_DESTROYS =
  'make destroy FORCE=1 has them destroyed first; or wait, until their time is up and the sweep has looked twice (15 minutes)';

/**
 * Destroys an install. Terraform runs only when no preview lives and nothing of any preview stands in AWS: it knows none
 * of that, and afterwards nobody would. Broken off at any point, another run goes on.
 */
export async function destroy(given: Given<'destroy'>): Promise<void> {
  const install = given.EVERYTHING ? findInstall() : requireInstall();
  if (!install) {
    print('This checkout is set up for no install: there is nothing to destroy.');
    return;
  }
  print(
    `Destroys ${install.install}: previews first, then what Terraform has made` +
      `${given.EVERYTHING ? ', then state bucket, repositories and images' : ''}.`,
  );
  await requireTerraform();
  const caller = await announceCaller(install.region, findAccount());
  const confirmed =
    readFile(FILES.backend) === undefined ? given.YES : await destroyInstall(install, given, caller);
  if (given.EVERYTHING) {
    if (!confirmed) await confirm(install.install);
    await destroyBeginnings(install, caller);
  } else print('\nDestroyed. State bucket, repositories and images stay; EVERYTHING=1 takes them as well.');
}

/** Answers whether somebody has confirmed it; where nothing is deployed nobody was asked. */
async function destroyInstall(install: Install, given: Given<'destroy'>, caller: Caller): Promise<boolean> {
  const terraform = new Terraform(TERRAFORM_FOLDER);
  await terraform.init();
  const resources = await terraform.resources();
  if (resources.length === 0) {
    print('Terraform has nothing in its state: nothing is deployed.');
    return given.YES;
  }
  requireChoices();
  const outputs = await terraform.outputs();
  const images = readImages(outputs);
  if (images && readFile(FILES.images) === undefined) writeJson(FILES.images, images);
  const stop = new AbortController();
  if (resources.some(({ address }) => address === CONTROLLER))
    await letGo(requireOutputs(outputs), install, given, caller, stop);
  else {
    await requireNothingWithoutController(outputs);
    if (!given.YES) await confirm(install.install);
  }
  requireWaiting(stop.signal);
  await terraform.run('destroy', '-input=false', '-auto-approve');
  return true;
}

/** Has every preview destroyed, or refuses where some are there and nobody has said FORCE=1. `stop` ends with Ctrl-C. */
async function letGo(
  deployed: Deployed,
  install: Install,
  { FORCE, YES, TIMEOUT_S }: Given<'destroy'>,
  caller: Caller,
  stop: AbortController,
): Promise<void> {
  const clients = createClients(deployed.region);
  try {
    const remains = await listRemains(clients, deployed);
    if (!FORCE) requireNothing(remains, FORCE_DESTROYS);
    requireNotKept(remains);
    if (remains.live.length + remains.standing.length > 0) await requireLeader(clients, deployed);
    if (!YES) await confirm(install.install);
    void stopRequested().then(() => stop.abort());
    await closeApi(clients, deployed, stop.signal);
    const options = { timeoutMs: TIMEOUT_S * 1_000, signal: stop.signal };
    if (FORCE) await drain(clients, deployed, { ...options, by: caller.name });
    else
      await untilEmpty(clients, deployed, options, async (found) =>
        // Somebody may have created one while the API was still there.
        requireNothing(found, `${HOW_TO_REOPEN}; ${FORCE_DESTROYS}`),
      );
  } finally {
    clients.destroy();
  }
}

/** Terraform was stopped on its way, or somebody has taken the controller away: nobody would destroy what is left. */
async function requireNothingWithoutController(outputs: Readonly<Record<string, unknown>>): Promise<void> {
  const deployed = readDeployed(outputs);
  if (!deployed) return;
  const clients = createClients(deployed.region);
  try {
    requireNothing(
      await listRemains(clients, deployed),
      'make deploy, because there is no controller that would destroy them, then make destroy FORCE=1',
    );
  } finally {
    clients.destroy();
  }
}

/** Throws Refusal, and tells which, where previews live or anything of one stands. */
function requireNothing(remains: Remains, hint: string): void {
  const { live } = remains;
  if (live.length > 0) {
    const title = live.length === 1 ? '1 preview lives' : `${live.length} previews live`;
    print(`\n${title}:`);
    for (const { id, owner, phase, expires_at } of live)
      print(`  ${id}  ${phase.padEnd(12)}  ${owner.padEnd(16)}  until ${expires_at ?? 'never'}`);
    throw new Refusal(title, 'nothing was destroyed', hint);
  }
  const orphans = orphansOf(remains);
  if (orphans.length === 0) return;
  throw new Refusal(
    orphans.length === 1
      ? 'a resource stands that no preview accounts for'
      : `${orphans.length} resources stand that no preview accounts for`,
    orphans.map(nameOf).join(', '),
    hint,
  );
}

async function confirm(name: string): Promise<void> {
  const typed = await ask(`\nType ${name} to destroy it: `);
  if (typed === name) return;
  throw new Refusal(
    'nothing was destroyed',
    typed === undefined ? 'nobody answered' : 'that was not its name',
    'repeat it and type the name, or make destroy YES=1 where nobody can type',
  );
}

function requireOutputs(outputs: Readonly<Record<string, unknown>>): Deployed {
  const deployed = readDeployed(outputs);
  if (deployed) return deployed;
  throw new Refusal(
    'what is deployed is not complete',
    'the controller runs, and the state has no outputs that say where previews are',
    'make deploy, so that they are there, then make destroy',
  );
}

/** State bucket, repositories and images: what setup and push have made. The state comes here first, the rest follows. */
async function destroyBeginnings(install: Install, { account }: Caller): Promise<void> {
  const bootstrap = new Bootstrap(install, account);
  const backend = readFile(FILES.backend);
  if (backend !== undefined) await bootstrap.takeBack(readPlace(backend));
  else if (!holdsState()) await requireNoRepositories(install);
  removeFile(FILES.backend);
  new Terraform(TERRAFORM_FOLDER).forgetBackend();
  if (holdsState()) await bootstrap.destroy();
  removeFile(FILES.images);
  removeFile(FILES.provider);
  removeFile(FILES.install);
  print(
    `\nDestroyed, with everything that make setup and make push have made. ${FILES.choices} stays: it is yours.`,
  );
}

async function requireNoRepositories(install: Install): Promise<void> {
  const repositories = new Repositories(install);
  try {
    if ((await repositories.find()).length === 0) return;
  } finally {
    repositories.close();
  }
  throw new Refusal(
    'this checkout does not know the state of the repositories that are there',
    `there is no ${FILES.backend}`,
    'make setup, which finds it, then make destroy EVERYTHING=1',
  );
}
