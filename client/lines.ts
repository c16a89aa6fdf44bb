/** The lines of a body, each as soon as it is there; the last one also without an end. */
export async function* readLines(body: ReadableStream<Uint8Array> | null): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}

/** What server-sent events carry, as far as the API sends them: one line of data each, and comments. */
export async function* readData(lines: AsyncIterable<string>): AsyncGenerator {
  for await (const line of lines) if (line.startsWith('data: ')) yield JSON.parse(line.slice(6));
}
