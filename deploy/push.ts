import { print } from '../platform/terminal.ts';
import { announceCaller } from './caller.ts';
import { FILES, type Images, requireInstall, writeJson } from './checkout.ts';
import { hasImage, logIn, pushImage, pushManifest, requireEngine } from './docker.ts';
import { architectureOf, contentTag, localName, PLATFORMS } from './images.ts';
import { Refusal } from './refusal.ts';
import { type ImageRepository, Repositories } from './repositories.ts';
import type { Given } from './settings.ts';

/**
 * Pushes both images and notes their references for `make deploy`. A tag that is there stays what it is: repositories are
 * immutable, and the same build pushed twice does nothing.
 */
export async function push({ TAG, NODE_IMAGE }: Given<'push'>): Promise<void> {
  const install = requireInstall();
  const tag = TAG ?? contentTag(NODE_IMAGE);
  print(`Pushes the images of ${tag} to the repositories of ${install.install}.`);
  await announceCaller(install.region, install.account);
  const repositories = new Repositories(install);
  try {
    const both = await repositories.require();
    for (const repository of both) await pushPart(repositories, repository, tag);
    writeJson(FILES.images, imagesOf(both, tag));
    print(`Noted in ${FILES.images}; make deploy runs them`);
  } finally {
    repositories.close();
  }
}

/** Throws Refusal where one of them is not there. */
export async function requirePushed(repositories: Repositories, tag: string): Promise<Images> {
  const both = await repositories.require();
  for (const repository of both) {
    if (!(await repositories.has(repository, tag)))
      throw new Refusal(
        `the image ${repository.name}:${tag} is not there`,
        'nobody has pushed it to this account and region',
        'make build push, or name a tag that was pushed: make deploy TAG=…',
      );
  }
  return imagesOf(both, tag);
}

function imagesOf(both: readonly ImageRepository[], tag: string): Images {
  const reference = (part: ImageRepository['part']) =>
    `${both.find((one) => one.part === part)?.uri ?? ''}:${tag}`;
  return { control_plane_image: reference('control-plane'), default_image: reference('hello') };
}

async function pushPart(repositories: Repositories, repository: ImageRepository, tag: string): Promise<void> {
  const { part, uri } = repository;
  if (await repositories.has(repository, tag)) {
    print(`${uri}:${tag} is there already`);
    return;
  }
  await requireEngine();
  for (const platform of PLATFORMS[part]) await requireLocal(localName(part, tag, platform));
  await logIn(uri.slice(0, uri.indexOf('/')), await repositories.password());
  const [only, ...others] = PLATFORMS[part];
  if (only !== undefined && others.length === 0) {
    await pushImage(localName(part, tag, only), `${uri}:${tag}`);
    return;
  }
  const members: string[] = [];
  for (const platform of PLATFORMS[part]) {
    const member = `${tag}-${architectureOf(platform)}`;
    if (!(await repositories.has(repository, member)))
      await pushImage(localName(part, tag, platform), `${uri}:${member}`);
    members.push(`${uri}:${member}`);
  }
  await pushManifest(`${uri}:${tag}`, members);
}

async function requireLocal(name: string): Promise<void> {
  if (await hasImage(name)) return;
  throw new Refusal(
    `there is no image ${name} on this machine`,
    'it is what would be pushed',
    'make build, with the same TAG and NODE_IMAGE as for make push',
  );
}
