import type { CreateContainer } from '../../client/types.ts';
import { isFields } from './fields.ts';
import type { ComposeSource, Path } from './source.ts';
import { secondsOf, textOf } from './units.ts';

/** ECS's bounds, in seconds: API reference, HealthCheck. */
const BOUNDS = { interval: [5, 300], timeout: [2, 60], start_period: [0, 300] } as const;

export function healthcheckOf(
  value: unknown,
  path: Path,
  source: ComposeSource,
): CreateContainer['healthcheck'] {
  if (!isFields(value) || value['disable'] === true) return undefined;
  const { test } = value;
  const command =
    typeof test === 'string' ? ['CMD-SHELL', test] : Array.isArray(test) ? test.map(textOf) : [];
  if (command[0] === 'NONE') return undefined;
  if (command.length < 2 || !/^CMD(-SHELL)?$/.test(command[0] ?? '')) {
    source.fault([...path, 'test'], 'must be a line, or a list that begins with CMD, CMD-SHELL or NONE');
    return undefined;
  }
  const seconds = (key: keyof typeof BOUNDS, standard: number): number => {
    const given = value[key] === undefined ? standard : secondsOf(value[key]);
    if (given === undefined) {
      source.fault([...path, key], 'must be a duration such as 10s or 1m30s');
      return standard;
    }
    const [least, most] = BOUNDS[key];
    const fitting = Math.min(most, Math.max(least, given));
    if (fitting !== given) source.note([...path, key], `${given} s becomes ${fitting} s, which ECS allows`);
    return fitting;
  };
  return {
    command,
    interval_s: seconds('interval', 30),
    timeout_s: seconds('timeout', 30),
    retries: Math.min(10, Math.max(1, Number(value['retries'] ?? 3) || 3)),
    start_period_s: seconds('start_period', 0),
  };
}
