import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { print } from '../platform/terminal.ts';
import { ROOT } from './checkout.ts';
import { buildImage, inspectImage, requireEngine } from './docker.ts';
import { Refusal } from './refusal.ts';
import { type Part, PARTS } from './repositories.ts';
import type { Given } from './settings.ts';

/** The control plane's tasks are ARM64; previews are X86_64 unless they ask for the other. */
export const PLATFORMS: Readonly<Record<Part, readonly string[]>> = {
  'control-plane': ['linux/arm64'],
  hello: ['linux/amd64', 'linux/arm64'],
};

export const DIST = join(ROOT, 'dist');
/** Which images make build has built last. */
const BUILT_TAG = join(DIST, 'tag');
/** What images are made of, beside dist/image. */
const SOURCES = ['Dockerfile', 'examples/hello/server.mjs'];
const HASH_DIGITS = 12;

/** The name of an image on this machine. */
export function localName(part: Part, tag: string, platform: string): string {
  return `tempus/${part}:${tag}-${architectureOf(platform)}`;
}

export function architectureOf(platform: string): string {
  return platform.slice(platform.indexOf('/') + 1);
}

/**
 * The tag of what `make build` has made: the version, and a hash of all that goes into the images. So another build
 * never meets a tag that is taken, and the same build meets its own. Throws Refusal where nothing is built.
 */
export function contentTag(nodeImage: string): string {
  requireBuild();
  const image = join(DIST, 'image');
  const built = readdirSync(image, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(ROOT, join(parentPath, name)));
  const hash = createHash('sha256').update(nodeImage);
  for (const file of [...built, ...SOURCES].toSorted()) {
    const content = readFileSync(join(ROOT, file));
    hash.update(`\0${file}\0${content.length}\0`).update(content);
  }
  const { version } = JSON.parse(readFileSync(join(image, 'package.json'), 'utf8')) as { version: string };
  return `${version}-${hash.digest('hex').slice(0, HASH_DIGITS)}`;
}

/** Throws Refusal where what Terraform and the images take from dist/ is not there. */
export function requireBuild(): void {
  const missing = ['image/package.json', 'expire.zip', 'observe.zip'].filter(
    (file) => !existsSync(join(DIST, file)),
  );
  if (missing.length === 0) return;
  throw new Refusal('nothing is built', `there is no dist/${missing.join(', dist/')}`, 'make build');
}

/** The tag of the images that were built last; undefined where they were built elsewhere. */
export function builtTag(): string | undefined {
  return existsSync(BUILT_TAG) ? readFileSync(BUILT_TAG, 'utf8') : undefined;
}

/** Builds both images, each for every platform that it is run on. */
export async function buildImages({ TAG, NODE_IMAGE }: Given<'images'>): Promise<void> {
  await requireEngine();
  const tag = TAG ?? contentTag(NODE_IMAGE);
  print(`Builds the images of ${tag} from ${NODE_IMAGE}.`);
  const lines: string[] = [];
  for (const part of PARTS) {
    for (const platform of PLATFORMS[part]) {
      const name = localName(part, tag, platform);
      await buildImage({ folder: ROOT, target: part, platform, name, nodeImage: NODE_IMAGE });
      const { bytes } = await inspectImage(name);
      lines.push(`${String(Math.round(bytes / 1e6)).padStart(6)} MB  ${name}`);
    }
  }
  writeFileSync(BUILT_TAG, tag);
  lines.forEach((line) => print(line));
}
