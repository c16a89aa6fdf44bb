import { failureLines } from '../cli/failure.ts';
import { ConfigError, parseConfig, processEnv } from '../platform/config.ts';
import { printError } from '../platform/terminal.ts';
import { deploy, token } from './deploy.ts';
import { destroy } from './destroy.ts';
import { buildImages } from './images.ts';
import { push } from './push.ts';
import { Refusal, refusalOf } from './refusal.ts';
import { SETTINGS, type Target } from './settings.ts';
import { setup } from './setup.ts';

/** What the Makefile calls, each with the settings that it takes. */
const RUN: { readonly [T in Target]: () => Promise<void> } = {
  setup: () => setup(parseConfig(SETTINGS.setup, processEnv())),
  images: () => buildImages(parseConfig(SETTINGS.images, processEnv())),
  push: () => push(parseConfig(SETTINGS.push, processEnv())),
  deploy: () => deploy(parseConfig(SETTINGS.deploy, processEnv())),
  token: () => token(parseConfig(SETTINGS.token, processEnv())),
  destroy: () => destroy(parseConfig(SETTINGS.destroy, processEnv())),
};

function isTarget(name: string | undefined): name is Target {
  return name !== undefined && Object.hasOwn(RUN, name);
}

async function main(name: string | undefined): Promise<number> {
  try {
    if (!isTarget(name))
      throw new Refusal(`there is no target ${name ?? ''}`, Object.keys(RUN).join(', '), 'make');
    await RUN[name]();
    return 0;
  } catch (error) {
    const refusal =
      error instanceof ConfigError
        ? new Refusal(
            `make ${name ?? ''} was given what it cannot take`,
            error.message,
            'make shows what each target takes',
          )
        : refusalOf(error);
    if (!refusal) throw error;
    const { message: title, detail, hint } = refusal;
    failureLines({ title, detail, code: 'failed', retryable: false, hint }).forEach(printError);
    return 1;
  }
}

process.exitCode = await main(process.argv[2]);
