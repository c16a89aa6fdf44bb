import { NormalizedSchema } from '@smithy/core/schema';

type HttpTrait = readonly [method: string, path: string, status: number];

/** One operation of an AWS service, as the SDK itself describes it. */
export interface Operation {
  name: string;
  input: NormalizedSchema;
  output: NormalizedSchema;
  /** REST only: method, path template, status of success. */
  http?: HttpTrait;
  call: (input: unknown) => Promise<unknown>;
}

/** What the wire needs to know of an error: its code there and its HTTP status. */
export interface WireError {
  code: string;
  status: number;
}

export interface Service {
  name: string;
  /** The operations that the model has; every other operation of the service is refused by name. */
  operations: ReadonlyMap<string, Operation>;
  /** By the name of the SDK's exception class. */
  errors: ReadonlyMap<string, WireError>;
}

type OperationSchema = readonly [
  kind: 9,
  namespace: string,
  name: string,
  traits: 0 | { http?: HttpTrait },
  input: unknown,
  output: unknown,
];

const OPERATION = 9;

function isOperation(value: unknown): value is OperationSchema {
  return Array.isArray(value) && value[0] === OPERATION && value.length === 6;
}

function normalized(schema: unknown): NormalizedSchema {
  const resolved: unknown = typeof schema === 'function' ? schema() : schema;
  return NormalizedSchema.of(resolved as Parameters<typeof NormalizedSchema.of>[0]);
}

/**
 * The wire description of `model`: every operation of the SDK package `sdk` for which the model has a method. The
 * package's exports hold the schemas of all operations and errors, so that no field is misread on the way in or out.
 */
export function describeService(name: string, sdk: object, model: object): Service {
  const operations = new Map<string, Operation>();
  const errors = new Map<string, WireError>();
  for (const [key, value] of Object.entries(sdk)) {
    if (isOperation(value)) {
      const operation = describeOperation(value, model);
      if (operation) operations.set(operation.name, operation);
    } else if (key.endsWith('Exception$')) {
      const schema = normalized(value);
      const traits = schema.getMergedTraits();
      const [code, status] = (traits['awsQueryError'] as [string, number] | undefined) ?? [
        schema.getName() ?? key,
        traits['httpError'] ?? 400,
      ];
      errors.set(schema.getName() ?? key, { code, status: Number(status) });
    }
  }
  return { name, operations, errors };
}

function describeOperation(
  [, , name, traits, input, output]: OperationSchema,
  model: object,
): Operation | undefined {
  const method: unknown = Reflect.get(model, `${name.charAt(0).toLowerCase()}${name.slice(1)}`);
  if (typeof method !== 'function') return undefined;
  return {
    name,
    input: normalized(input),
    output: normalized(output),
    ...(traits !== 0 && traits.http ? { http: traits.http } : {}),
    call: async (value) => Reflect.apply(method, model, [value]) as unknown,
  };
}
