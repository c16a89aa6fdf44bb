import type {
  ListTagsForResourceCommandInput,
  ListTagsForResourceCommandOutput,
  Tag,
  TagResourceCommandInput,
  UntagResourceCommandInput,
} from '@aws-sdk/client-ecs';

import { clusterArn } from './arns.ts';
import { resourceNotFound } from './errors.ts';
import type { EcsContext } from './state.ts';
import { checkTags, withTags } from './tags.ts';

/** The tag calls, which take the ARN of anything that ECS knows. */
export class ResourceTags {
  readonly #context: EcsContext;

  constructor(context: EcsContext) {
    this.#context = context;
  }

  tag(input: TagResourceCommandInput): void {
    const resource = this.#require(input.resourceArn);
    resource.tags = withTags(resource.tags, checkTags(input.tags));
    this.#context.save();
  }

  untag(input: UntagResourceCommandInput): void {
    const resource = this.#require(input.resourceArn);
    resource.tags = resource.tags.filter(({ key }) => !input.tagKeys?.includes(key ?? ''));
    this.#context.save();
  }

  list(input: ListTagsForResourceCommandInput): Omit<ListTagsForResourceCommandOutput, '$metadata'> {
    return { tags: this.#require(input.resourceArn).tags };
  }

  #require(arn: string | undefined): { tags: Tag[] } {
    const { services, tasks, taskDefinitions, clusters } = this.#context.state;
    const resource =
      [...services, ...tasks, ...taskDefinitions].find((candidate) => candidate.arn === arn) ??
      clusters.find(({ name }) => clusterArn(name) === arn);
    if (!resource) throw resourceNotFound();
    return resource;
  }
}
