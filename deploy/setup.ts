import { print } from '../platform/terminal.ts';
import { localBackend, readPlace, s3Backend, type StatePlace } from './backend.ts';
import { Bootstrap, holdsState, judgeSetup } from './bootstrap.ts';
import { announceCaller, type Caller } from './caller.ts';
import { FILES, findAccount, findInstall, type Install, readFile, writeFile, writeJson } from './checkout.ts';
import { letsSomebodyIn, writeChoices } from './choices.ts';
import { whyNoEngine } from './docker.ts';
import { providerOverride, readAccount } from './provider.ts';
import { Refusal } from './refusal.ts';
import { Repositories } from './repositories.ts';
import type { Given } from './settings.ts';
import { requireTerraform } from './terraform.ts';

const KEY = 'tempus.tfstate';
const DEFAULTS: Install = { install: 'tempus', region: 'us-east-1' };

/**
 * Makes what an install begins with, or finds it: a bucket for Terraform's states and the repositories of the images.
 * Then writes what Terraform reads in this checkout. Safe to repeat at any point, and in another checkout.
 */
export async function setup(given: Given<'setup'>): Promise<void> {
  const install = chooseInstall(given, findInstall());
  print(`Sets up ${install.install}: makes or finds its state bucket and its two image repositories.`);
  await requireTerraform();
  const noEngine = await whyNoEngine();
  if (noEngine !== undefined) print(`Note: no Docker engine answers, and make build needs one (${noEngine})`);
  const caller = await announceCaller(install.region, boundAccount());
  const place = await makeOrJoin(install, choosePlace(given), caller, given);
  writeFiles(install, place, caller);
  print(`\nSet up. ${whatFirst()}make build push deploy`);
}

/** What was given, or else what this checkout was set up for before. Throws Refusal where they contradict each other. */
function chooseInstall(
  { INSTALL, REGION, AWS_REGION }: Given<'setup'>,
  before: Install | undefined,
): Install {
  const install = INSTALL ?? before?.install ?? DEFAULTS.install;
  const region = REGION ?? before?.region ?? AWS_REGION ?? DEFAULTS.region;
  if (!before || (before.install === install && before.region === region)) return { install, region };
  throw new Refusal(
    `this checkout is set up for ${before.install} in ${before.region}`,
    `${install} in ${region} would be another install`,
    `take another checkout for it; or make destroy EVERYTHING=1 here first`,
  );
}

/** The account that this checkout knows resources of; one whose setup broke off before it had made any is for any account. */
function boundAccount(): string | undefined {
  return findAccount() ?? (holdsState() ? readAccount(readFile(FILES.bootstrap_provider) ?? '') : undefined);
}

/** What was given, or else what this checkout has. Throws Refusal where they contradict each other. */
function choosePlace({ STATE }: Given<'setup'>): 's3' | 'local' {
  const text = readFile(FILES.backend);
  if (text === undefined) return STATE ?? 's3';
  const before = readPlace(text) === 'local' ? 'local' : 's3';
  if (STATE === undefined || STATE === before) return before;
  throw new Refusal(
    `this checkout was set up with STATE=${before}`,
    `${FILES.backend} says so, and STATE=${STATE} would leave the state of what is deployed behind`,
    `make setup STATE=${before}`,
  );
}

async function makeOrJoin(
  install: Install,
  state: 's3' | 'local',
  { account }: Caller,
  given: Given<'setup'>,
): Promise<StatePlace> {
  const bootstrap = new Bootstrap(install, account);
  const repositories = new Repositories(install);
  try {
    const judged = judgeSetup(await repositories.find(), state, holdsState());
    if (judged === 'make') {
      const made = await bootstrap.make(state);
      if (readFile(FILES.choices) === undefined) writeFile(FILES.choices, writeChoices(given));
      else noteChoices(given, `${FILES.choices} is yours and stays as it is`);
      return made;
    }
    print(`${install.install} was set up before: its state is in ${judged.join}, and nothing is created`);
    const joined = await bootstrap.join(judged.join);
    noteChoices(given, `${FILES.choices} is what the whole install goes by, so this writes none`);
    return joined;
  } finally {
    repositories.close();
  }
}

function writeFiles(install: Install, place: StatePlace, { account }: Caller): void {
  writeFile(FILES.provider, providerOverride(account));
  writeJson(FILES.install, install);
  const { region } = install;
  writeFile(
    FILES.backend,
    place === 'local' ? localBackend() : s3Backend({ bucket: place.bucket, key: KEY, region, account }),
  );
}

function noteChoices({ ALLOWED_CIDRS, DOMAIN }: Given<'setup'>, why: string): void {
  if (ALLOWED_CIDRS ?? DOMAIN)
    print(`Note: ${why}; change allowed_cidrs and domain in the one that your team keeps`);
}

function whatFirst(): string {
  const text = readFile(FILES.choices);
  if (text === undefined) return `Take over ${FILES.choices} from where your team keeps it, then `;
  return letsSomebodyIn(text) ? '' : `Say in ${FILES.choices} who may come in (allowed_cidrs), then `;
}
