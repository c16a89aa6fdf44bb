/** A target of the Makefile does not do what it was asked for: what is so, why, and what to do about it. */
export class Refusal extends Error {
  override name = 'Refusal';
  readonly detail: string;
  readonly hint: string;

  constructor(title: string, detail: string, hint: string, options?: ErrorOptions) {
    super(title, options);
    this.detail = detail;
    this.hint = hint;
  }
}

const LOG_IN = 'log in (aws sso login, or new keys), or name another profile: AWS_PROFILE=…';

/** What to say where AWS refuses by an error of this name, whichever the call. */
const ANSWERS: Readonly<Record<string, { title: string; hint: string }>> = {
  CredentialsProviderError: { title: 'there are no AWS credentials', hint: LOG_IN },
  ExpiredToken: { title: 'the AWS credentials have expired', hint: LOG_IN },
  ExpiredTokenException: { title: 'the AWS credentials have expired', hint: LOG_IN },
  InvalidClientTokenId: { title: 'AWS does not know these credentials', hint: LOG_IN },
  UnrecognizedClientException: { title: 'AWS does not know these credentials', hint: LOG_IN },
  InvalidSignatureException: { title: 'AWS does not take the signature of these credentials', hint: LOG_IN },
  SignatureDoesNotMatch: { title: 'AWS does not take the signature of these credentials', hint: LOG_IN },
  AccessDenied: { title: 'these AWS credentials may not do that', hint: 'docs/aws.md says what they need' },
  AccessDeniedException: {
    title: 'these AWS credentials may not do that',
    hint: 'docs/aws.md says what they need',
  },
};

const NO_ANSWER = new Set(['ENOTFOUND', 'EAI_AGAIN', 'ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT']);

/** An error of the SDK as a refusal; undefined for any other error, which is a defect. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error;
  if (!(error instanceof Error)) return undefined;
  const known = ANSWERS[error.name];
  if (known) return new Refusal(known.title, error.message, known.hint, { cause: error });
  if ('$fault' in error)
    return new Refusal(`AWS answers with ${error.name}`, error.message, 'put that right, then repeat', {
      cause: error,
    });
  const { code = '' } = error as NodeJS.ErrnoException;
  if (error.name !== 'TimeoutError' && !NO_ANSWER.has(code)) return undefined;
  const why = error.message || code;
  return new Refusal('AWS does not answer', why, 'look at the network and at AWS_REGION, then repeat', {
    cause: error,
  });
}
