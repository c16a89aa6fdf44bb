/** What one call answers: the HTTP status and the JSON document of its body. */
export interface Answer {
  status: number;
  body: Readonly<Record<string, unknown>>;
}

const NAMESPACES = {
  ExpiredIteratorException: 'com.amazonaws.dynamodb.v20120810',
  InternalServerError: 'com.amazonaws.dynamodb.v20120810',
  ResourceNotFoundException: 'com.amazonaws.dynamodb.v20120810',
  SerializationException: 'com.amazon.coral.service',
  TableNotFoundException: 'com.amazonaws.dynamodb.v20120810',
  ThrottlingException: 'com.amazon.coral.availability',
  TrimmedDataAccessException: 'com.amazonaws.dynamodb.v20120810',
  UnknownOperationException: 'com.amazonaws.dynamodb.v20120810',
  ValidationException: 'com.amazon.coral.validate',
} as const;

/** A call that DynamoDB refuses, under the name that AWS gives the refusal. */
export class Refusal extends Error {
  override name = 'Refusal';
  readonly answer: Answer;

  constructor(type: keyof typeof NAMESPACES, message: string) {
    super(message);
    const status = type === 'InternalServerError' ? 500 : 400;
    this.answer = { status, body: { __type: `${NAMESPACES[type]}#${type}`, message } };
  }
}

/** Tells which refusal an answer carries, `ConditionalCheckFailedException` for example. */
export function refusalName({ status, body }: Answer): string | undefined {
  const type = body['__type'];
  return status >= 400 && typeof type === 'string' ? type.slice(type.indexOf('#') + 1) : undefined;
}
