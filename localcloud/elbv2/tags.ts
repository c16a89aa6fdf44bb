import type {
  AddTagsCommandInput,
  DescribeTagsCommandInput,
  DescribeTagsCommandOutput,
  RemoveTagsCommandInput,
  Tag,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Elbv2Context } from './context.ts';
import {
  duplicateTag,
  invalid,
  listenerNotFound,
  loadBalancerNotFound,
  ruleNotFound,
  targetGroupNotFound,
  tooManyTags,
} from './errors.ts';

const MAX_TAGS = 50;
const MAX_ARNS = 20;

/** The tags given at a creation, checked. */
export function checkTags(tags: readonly Tag[] | undefined): Tag[] {
  const checked = new Map<string, Tag>();
  for (const { Key = '', Value = '' } of tags ?? []) {
    if (Key === '' || Key.length > 127) throw invalid('A tag key must be 1 to 127 characters long');
    if (Key.toLowerCase().startsWith('aws:')) throw invalid('Tag keys that begin with aws: are reserved');
    if (Value.length > 255) throw invalid('A tag value must be at most 255 characters long');
    if (checked.has(Key)) throw duplicateTag(Key);
    checked.set(Key, { Key, Value });
  }
  if (checked.size > MAX_TAGS) throw tooManyTags();
  return [...checked.values()];
}

/** AddTags, RemoveTags and DescribeTags, for every kind of resource. */
export class ResourceTags {
  readonly #context: Elbv2Context;

  constructor(context: Elbv2Context) {
    this.#context = context;
  }

  set(arn: string, tags: Tag[]): void {
    this.#context.state.tags[arn] = tags;
  }

  forget(arn: string): void {
    Reflect.deleteProperty(this.#context.state.tags, arn);
  }

  add({ ResourceArns = [], Tags = [] }: AddTagsCommandInput): object {
    const added = checkTags(Tags);
    // One resource with too many tags refuses the call for all.
    const after = this.#known(ResourceArns).map((arn) => {
      const others = this.#of(arn).filter(({ Key }) => !added.some((tag) => tag.Key === Key));
      return [arn, checkTags([...others, ...added])] as const;
    });
    for (const [arn, tags] of after) this.set(arn, tags);
    this.#context.save();
    return {};
  }

  remove({ ResourceArns = [], TagKeys = [] }: RemoveTagsCommandInput): object {
    for (const arn of this.#known(ResourceArns)) {
      const kept = this.#of(arn).filter(({ Key = '' }) => !TagKeys.includes(Key));
      this.set(arn, kept);
    }
    this.#context.save();
    return {};
  }

  describe({ ResourceArns = [] }: DescribeTagsCommandInput): Omit<DescribeTagsCommandOutput, '$metadata'> {
    if (ResourceArns.length === 0 || ResourceArns.length > MAX_ARNS) {
      throw invalid(`ResourceArns must hold 1 to ${MAX_ARNS} ARNs`);
    }
    const TagDescriptions = this.#known(ResourceArns).map((arn) => ({
      ResourceArn: arn,
      Tags: this.#of(arn),
    }));
    return { TagDescriptions };
  }

  #of(arn: string): Tag[] {
    return this.#context.state.tags[arn] ?? [];
  }

  /** One unknown ARN refuses the whole call, with the error of its kind. */
  #known(arns: readonly string[]): readonly string[] {
    const { loadBalancers, listeners, rules, targetGroups } = this.#context.state;
    const all = new Set([...loadBalancers, ...listeners, ...rules, ...targetGroups].map(({ arn }) => arn));
    const unknown = arns.find((arn) => !all.has(arn));
    if (unknown === undefined) return arns;
    if (unknown.includes(':targetgroup/')) throw targetGroupNotFound();
    if (unknown.includes(':listener-rule/')) throw ruleNotFound();
    if (unknown.includes(':listener/')) throw listenerNotFound();
    throw loadBalancerNotFound();
  }
}
