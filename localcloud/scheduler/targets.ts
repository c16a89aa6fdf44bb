import type { UpdateServiceCommandInput } from '@aws-sdk/client-ecs';

/** Invokes what a schedule names. Rejects when the target is unknown or fails. */
export type Invoke = (targetArn: string, input: string | undefined) => Promise<void>;

export interface TargetDeps {
  ecs: { updateService(input: UpdateServiceCommandInput): Promise<unknown> };
  /** Lambda functions by name. */
  functions: Readonly<Record<string, (event: unknown) => Promise<unknown>>>;
}

const LAMBDA = /^arn:aws:lambda:[\w-]+:\d{12}:function:([\w-]+)$/;
const UPDATE_SERVICE = 'arn:aws:scheduler:::aws-sdk:ecs:updateService';

/** The targets that are modelled: Lambda functions, and ECS UpdateService as a universal target. */
export function createInvoke({ ecs, functions }: TargetDeps): Invoke {
  return async (targetArn, input) => {
    const event: unknown = input === undefined ? {} : JSON.parse(input);
    if (targetArn === UPDATE_SERVICE) {
      await ecs.updateService(camelCased(event) as UpdateServiceCommandInput);
      return;
    }
    const name = LAMBDA.exec(targetArn)?.[1] ?? '';
    const run = Object.hasOwn(functions, name) ? functions[name] : undefined;
    if (!run) throw new Error(`the target ${targetArn} is not modelled`);
    await run(event);
  };
}

/** Universal targets take the API's parameters in PascalCase; the SDK's JavaScript types have camelCase. */
function camelCased(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camelCased);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value);
  return Object.fromEntries(
    members.map(([name, member]) => [`${name.charAt(0).toLowerCase()}${name.slice(1)}`, camelCased(member)]),
  );
}
