type Pattern = Readonly<Record<string, unknown>>;

/** Whether EventBridge would let an event through: exact values, `prefix`, nested fields and `$or`; nothing else of it. */
export function matches(pattern: Pattern, event: Pattern): boolean {
  return Object.entries(pattern).every(([field, wanted]) => {
    if (field === '$or') return (wanted as Pattern[]).some((branch) => matches(branch, event));
    const value = event[field];
    if (!Array.isArray(wanted)) return matches(wanted as Pattern, (value ?? {}) as Pattern);
    const values: unknown[] = Array.isArray(value) ? value : [value];
    return values.some((one) => wanted.some((want) => fits(want, one)));
  });
}

function fits(want: unknown, value: unknown): boolean {
  if (typeof want === 'string') return value === want;
  const { prefix } = want as { prefix: string };
  return typeof value === 'string' && value.startsWith(prefix);
}
