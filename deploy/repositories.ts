import { ECR, type Repository, RepositoryNotFoundException } from '@aws-sdk/client-ecr';
import type { Install } from './checkout.ts';
import { Refusal } from './refusal.ts';

/** The two images of the product, by the target of the Dockerfile that makes each. */
export const PARTS = ['control-plane', 'hello'] as const;
export type Part = (typeof PARTS)[number];

/** A repository of the install, as terraform/bootstrap makes it. */
export interface ImageRepository {
  part: Part;
  name: string;
  /** Where images go, without a tag. */
  uri: string;
  /** The bucket with the states of this install, or `local`; undefined where the repository is not Tempus's. */
  state: string | undefined;
}

const OURS = 'tempus:control-plane';
/** terraform/bootstrap writes it when the bucket is there: who reads it need not trust a bucket because of its name. */
const STATE = 'tempus:state';

export const repositoryName = ({ install }: Install, part: Part): string => `${install}-${part}`;

/**
 * ECR, as far as who deploys needs it. A repository belongs to an account, unlike the name of a bucket: so repositories
 * tell whether an install was set up before, and with which bucket.
 */
export class Repositories {
  readonly #ecr: ECR;
  readonly #install: Install;

  constructor(install: Install) {
    this.#install = install;
    this.#ecr = new ECR({ region: install.region });
  }

  /** Those that are there. Throws Refusal where one of their names is somebody else's. */
  async find(): Promise<ImageRepository[]> {
    const found = await Promise.all(PARTS.map((part) => this.#find(part)));
    const there = found.flatMap((one) => one ?? []);
    const foreign = there.filter(({ state }) => state === undefined);
    if (foreign.length === 0) return there;
    throw new Refusal(
      `the repository ${foreign.map(({ name }) => name).join(' and ')} is not of this install`,
      `it carries no tag ${OURS} = ${this.#install.install}`,
      'choose another name: make setup INSTALL=…',
    );
  }

  /** Both. Throws Refusal where one is missing. */
  async require(): Promise<ImageRepository[]> {
    const found = await this.find();
    const missing = PARTS.filter((part) => !found.some((one) => one.part === part));
    if (missing.length === 0) return found;
    const names = missing.map((part) => repositoryName(this.#install, part));
    throw new Refusal(
      `there is no repository ${names.join(' and ')} in this account and region`,
      'make setup makes it; with other credentials this is another account',
      'look at AWS_PROFILE, or make setup',
    );
  }

  async has({ name }: Pick<ImageRepository, 'name'>, imageTag: string): Promise<boolean> {
    const { images = [] } = await this.#ecr.batchGetImage({ repositoryName: name, imageIds: [{ imageTag }] });
    return images.length > 0;
  }

  /** What `docker login` takes; it holds for twelve hours. */
  async password(): Promise<string> {
    const { authorizationData = [] } = await this.#ecr.getAuthorizationToken({});
    const token = Buffer.from(authorizationData[0]?.authorizationToken ?? '', 'base64').toString();
    return token.slice(token.indexOf(':') + 1);
  }

  close(): void {
    this.#ecr.destroy();
  }

  async #find(part: Part): Promise<ImageRepository | undefined> {
    const name = repositoryName(this.#install, part);
    const repository = await this.#describe(name);
    if (!repository) return undefined;
    const { repositoryArn: resourceArn, repositoryUri: uri = '' } = repository;
    const { tags = [] } = await this.#ecr.listTagsForResource({ resourceArn });
    const values = new Map(tags.map(({ Key = '', Value = '' }) => [Key, Value]));
    const state = values.get(OURS) === this.#install.install ? values.get(STATE) : undefined;
    return { part, name, uri, state };
  }

  async #describe(name: string): Promise<Repository | undefined> {
    try {
      return (await this.#ecr.describeRepositories({ repositoryNames: [name] })).repositories?.[0];
    } catch (error) {
      if (error instanceof RepositoryNotFoundException) return undefined;
      throw error;
    }
  }
}
