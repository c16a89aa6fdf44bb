import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

interface Repository {
  repositoryName: string;
  repositoryArn: string;
  repositoryUri: string;
  tags: { Key: string; Value: string }[];
}

export interface FakeEcrOptions {
  /** Host and port of the registry that its repositories are in. */
  registry?: string;
  /** What the registry takes as the password of AWS. */
  password?: string;
  /** What it gives to who asks for a password; absent: the right one. */
  handsOut?: string;
}

const ACCOUNT = '000000000000';
const MANIFESTS = [
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
].join();

class Refused extends Error {}

/** ECR over HTTP, JSON 1.1, with the repositories of one account. Images are in a real registry, or only names. */
export class FakeEcr {
  readonly #repositories = new Map<string, Repository>();
  readonly #images = new Set<string>();
  readonly #options: FakeEcrOptions;
  readonly #server: Server;

  private constructor(options: FakeEcrOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      void this.#answer(request).then(({ status, body }) =>
        response
          .writeHead(status, { 'content-type': 'application/x-amz-json-1.1' })
          .end(JSON.stringify(body)),
      );
    });
  }

  static async start(options: FakeEcrOptions = {}): Promise<FakeEcr> {
    const ecr = new FakeEcr(options);
    ecr.#server.listen(0, '127.0.0.1');
    await once(ecr.#server, 'listening');
    return ecr;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get names(): string[] {
    return [...this.#repositories.keys()].toSorted();
  }

  /** As if somebody had pushed it. */
  addImage(repository: string, tag: string): void {
    this.#images.add(`${repository}:${tag}`);
  }

  /** A repository as terraform/bootstrap makes it. */
  put(repositoryName: string, install: string, state: string): void {
    const tags = { 'tempus:control-plane': install, 'tempus:state': state };
    this.#create(
      repositoryName,
      Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
    );
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage): Promise<{ status: number; body: object }> {
    const operation = String(request.headers['x-amz-target']).split('.').at(-1) ?? '';
    try {
      const body = await this.#call(operation, JSON.parse(await text(request)) as Record<string, never>);
      return { status: 200, body };
    } catch (error) {
      if (error instanceof Refused)
        return { status: 400, body: { __type: error.message, message: operation } };
      return { status: 500, body: { __type: 'ServerException', message: String(error) } };
    }
  }

  async #call(operation: string, input: Record<string, never>): Promise<object> {
    switch (operation) {
      case 'CreateRepository':
        return this.#create(input['repositoryName'] ?? '', input['tags'] ?? []);
      case 'DeleteRepository':
        if (!this.#repositories.delete(input['repositoryName'] ?? ''))
          throw new Refused('RepositoryNotFoundException');
        return {};
      case 'DescribeRepositories':
        return {
          repositories: (input['repositoryNames'] ?? ([] as string[])).map((name: string) =>
            this.#find(name),
          ),
        };
      case 'ListTagsForResource':
        return { tags: this.#find(String(input['resourceArn']).split('/').at(-1) ?? '').tags };
      case 'BatchGetImage':
        return this.#imagesOf(input['repositoryName'] ?? '', input['imageIds'] ?? []);
      case 'GetAuthorizationToken': {
        const { password = '', handsOut = password } = this.#options;
        const authorizationToken = Buffer.from(`AWS:${handsOut}`).toString('base64');
        return { authorizationData: [{ authorizationToken }] };
      }
      default:
        throw new Refused('UnknownOperationException');
    }
  }

  #find(name: string): Repository {
    const repository = this.#repositories.get(name);
    if (!repository) throw new Refused('RepositoryNotFoundException');
    return repository;
  }

  #create(repositoryName: string, tags: Repository['tags']): object {
    if (this.#repositories.has(repositoryName)) throw new Refused('RepositoryAlreadyExistsException');
    const registry = this.#options.registry ?? `${ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com`;
    const repository = {
      repositoryName,
      repositoryArn: `arn:aws:ecr:us-east-1:${ACCOUNT}:repository/${repositoryName}`,
      repositoryUri: `${registry}/${repositoryName}`,
      tags,
    };
    this.#repositories.set(repositoryName, repository);
    return { repository };
  }

  async #imagesOf(repository: string, ids: { imageTag: string }[]): Promise<object> {
    this.#find(repository);
    const found = await Promise.all(ids.map(({ imageTag }) => this.#has(repository, imageTag)));
    return {
      images: ids.filter((_, i) => found[i]).map((imageId) => ({ repositoryName: repository, imageId })),
      failures: ids.filter((_, i) => !found[i]).map((imageId) => ({ imageId, failureCode: 'ImageNotFound' })),
    };
  }

  async #has(repository: string, tag: string): Promise<boolean> {
    const { registry, password = '' } = this.#options;
    if (registry === undefined) return this.#images.has(`${repository}:${tag}`);
    const authorization = `Basic ${Buffer.from(`AWS:${password}`).toString('base64')}`;
    const url = `http://${registry}/v2/${repository}/manifests/${tag}`;
    const { status } = await fetch(url, { method: 'HEAD', headers: { authorization, accept: MANIFESTS } });
    if (status !== 200 && status !== 404) throw new Error(`the registry answers ${status}`);
    return status === 200;
  }
}
