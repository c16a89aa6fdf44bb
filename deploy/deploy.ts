import { join } from 'node:path';
import { print } from '../platform/terminal.ts';
import { awaitApi, tellToken, tryToken } from './api.ts';
import { announceCaller } from './caller.ts';
import { FILES, type Install, type Images, readFile, requireInstall, ROOT, writeJson } from './checkout.ts';
import { letsSomebodyIn } from './choices.ts';
import { type Clients, createClients, type Deployed, readDeployed, readImages } from './deployed.ts';
import { claimFirstToken, storeToken } from './first-token.ts';
import { builtTag, DIST, requireBuild } from './images.ts';
import { requirePushed } from './push.ts';
import { Refusal } from './refusal.ts';
import { Repositories } from './repositories.ts';
import { requireRunning } from './services.ts';
import type { Given } from './settings.ts';
import { requireFresh } from './sources.ts';
import { requireTerraform, Terraform } from './terraform.ts';

export const TERRAFORM_FOLDER = join(ROOT, 'terraform');

/**
 * Applies terraform/ and waits until the API answers. The first time it stores a token for whoever deploys, and shows
 * it. Everything that can be missing is looked for before Terraform begins.
 */
export async function deploy({ TAG, OWNER, YES, TIMEOUT_S }: Given<'deploy'>): Promise<void> {
  const install = requireInstall();
  print(
    `Deploys ${install.install}: Terraform shows what it would change${YES ? ' and does it' : ', and asks'}.`,
  );
  requireChoices();
  requireBuild();
  requireFresh(DIST);
  await requireTerraform();
  const caller = await announceCaller(install.region, install.account);
  const { control_plane_image } = await noteImages(install, TAG);
  const terraform = new Terraform(TERRAFORM_FOLDER);
  await terraform.init();
  const running = readImages(await terraform.outputs())?.control_plane_image;
  if (running !== undefined && running !== control_plane_image)
    print(`The API was deployed with ${tagOf(running)}; this deploys ${tagOf(control_plane_image)}.`);
  await terraform.run('apply', ...(YES ? ['-input=false', '-auto-approve'] : []));
  const deployed = await requireDeployed(terraform);
  const clients = createClients(deployed.region);
  try {
    await requireRunning(clients, deployed, control_plane_image);
    await awaitApi(deployed.api_url, TIMEOUT_S * 1_000);
    await showToken(clients, deployed, OWNER ?? caller.name, true);
  } finally {
    clients.destroy();
  }
}

/** Stores another token with scope admin, for who has lost the first one, and shows it. */
export async function token({ OWNER }: Given<'token'>): Promise<void> {
  const { install, region, account } = requireInstall();
  print(`Stores another token with scope admin for ${install}, and shows it once.`);
  const caller = await announceCaller(region, account);
  const terraform = new Terraform(TERRAFORM_FOLDER);
  await terraform.init();
  const deployed = await requireDeployed(terraform);
  const clients = createClients(deployed.region);
  try {
    await showToken(clients, deployed, OWNER ?? caller.name, false);
  } finally {
    clients.destroy();
  }
}

async function showToken(
  { document }: Clients,
  { api_url, tables }: Deployed,
  owner: string,
  first: boolean,
): Promise<void> {
  const place = { client: document, table: tables.coordination };
  if (first && !(await claimFirstToken(place, owner))) {
    print(`\nDeployed. The API is at ${api_url}; this install has its token, and make token stores another`);
    return;
  }
  const text = await storeToken(place, owner);
  tellToken(api_url, text);
  await tryToken(api_url, text);
  print('\nThe API takes it.');
}

export function requireChoices(): void {
  const text = readFile(FILES.choices);
  if (text !== undefined && letsSomebodyIn(text)) return;
  const why = text === undefined ? 'the file is missing' : 'it sets neither allowed_cidrs nor domain';
  throw new Refusal(
    `${FILES.choices} does not say who may reach this install`,
    why,
    text === undefined
      ? 'take it over from where your team keeps it: without its domain and ranges this deploy would undo them'
      : 'set allowed_cidrs in it to the networks that may reach it, such as ["203.0.113.0/24"]',
  );
}

/** Sees that both images are there, before Terraform makes services that could not start. */
async function noteImages(install: Install, tag: string | undefined): Promise<Images> {
  const noted = readFile(FILES.images);
  const wanted = tag ?? (noted && tagOf((JSON.parse(noted) as Images).control_plane_image));
  if (wanted === undefined)
    throw new Refusal(
      'no images are pushed from this checkout',
      `there is no ${FILES.images}`,
      'make build push, or name a tag that was pushed: make deploy TAG=…',
    );
  const built = builtTag();
  if (tag === undefined && built !== undefined && built !== wanted)
    throw new Refusal(
      `what was built last, ${built}, is not what ${FILES.images} names`,
      `that is ${wanted}, and Terraform would run it with the functions of another build`,
      `make push deploy; or make deploy TAG=${wanted}`,
    );
  const repositories = new Repositories(install);
  try {
    const images = await requirePushed(repositories, wanted);
    writeJson(FILES.images, images);
    return images;
  } finally {
    repositories.close();
  }
}

function tagOf(reference: string): string {
  return reference.slice(reference.lastIndexOf(':') + 1);
}

async function requireDeployed(terraform: Terraform): Promise<Deployed> {
  const deployed = readDeployed(await terraform.outputs());
  if (deployed) return deployed;
  throw new Refusal('nothing is deployed', "Terraform's state has no outputs", 'make deploy');
}
