/** The path at which Lambda's API invokes a function: API reference, Invoke. */
export function invocationPath(name: string): string {
  return `/2015-03-31/functions/${name}/invocations`;
}

const TIMEOUT_MS = 60_000;

/** A function that runs elsewhere, invoked as Lambda's own API does it. Rejects with what the function says of its failure. */
export function invokeAt(endpoint: string, name: string): (event: unknown) => Promise<unknown> {
  return async (event) => {
    const answer = await fetch(new URL(invocationPath(name), endpoint), {
      method: 'POST',
      body: JSON.stringify(event),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await answer.text();
    if (!answer.ok || answer.headers.has('x-amz-function-error'))
      throw new Error(`the function ${name} failed: ${text}`);
    return text === '' ? undefined : (JSON.parse(text) as unknown);
  };
}
