import type * as z from 'zod';
import { type FieldError, Problem } from './problems.ts';

/** A request's body by its schema. Throws a Problem that points at what is wrong. */
export function readBody<T>(schema: z.ZodType<T>, body: unknown, hint: string): T {
  const parsed = schema.safeParse(body ?? {});
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.flatMap((issue): FieldError[] =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({ pointer: `/${key}`, detail: 'is not a field of this request' }))
      : [
          {
            pointer: issue.path.map((part) => `/${String(part)}`).join(''),
            detail: issue.message.replace(/^Invalid input: /, ''),
          },
        ],
  );
  throw new Problem({
    status: 422,
    code: 'invalid_request',
    detail: errors.map(({ pointer, detail }) => `${pointer || 'the body'} ${detail}`).join('; '),
    hint,
    errors,
  });
}
