import { rolldown } from 'rolldown';

export interface BundleOptions {
  /** For what is read at every cold start. Names of functions and classes stay: errors are told apart by them. */
  small?: boolean;
}

/** One file with everything that a program imports, for Node. Rejects where something cannot be resolved. */
export async function bundle(input: string, { small = false }: BundleOptions = {}): Promise<string> {
  const build = await rolldown({ input, platform: 'node', logLevel: 'warn' });
  try {
    const keepNames = { function: true, class: true };
    const { output } = await build.generate({
      format: 'esm',
      codeSplitting: false,
      // Elsewhere a stack trace that can be read is worth more than a megabyte.
      minify: small && {
        mangle: { keepNames },
        compress: { keepNames },
        codegen: { removeWhitespace: true },
      },
    });
    const [only, ...others] = output;
    if (others.length > 0) throw new Error(`${input} does not make one file`);
    return only.code;
  } finally {
    await build.close();
  }
}
