import { expect, test } from 'vitest';
import { AWS_PACE, CONTROLLER_TIMES } from '../../controller/config.ts';
import { CONTROLLER_PACE, DISCIPLINE, reconcilerConfig, routingOf } from '../../laptop/config.ts';
import { parseOptions } from '../../laptop/options.ts';
import { paced } from '../../laptop/realism.ts';
import { readSettings } from '../../laptop/settings.ts';

const place = { listener_arn: 'arn:listener', waiting_target_group: 'arn:group', probe_address: 'here:80' };
const laptop = {
  config: reconcilerConfig(routingOf('host', 8080), place),
  times: CONTROLLER_PACE,
  discipline: DISCIPLINE,
};

test("without realism the pace is the laptop's own", () => {
  expect(paced(laptop, undefined)).toBe(laptop);
});

test("with all of AWS's delays the waits are AWS's, and what is the laptop's own stays", () => {
  const { config, times, discipline } = paced(laptop, 1);
  expect(config).toMatchObject({ ...AWS_PACE });
  expect(config.albs).toBe(laptop.config.albs);
  expect(times).toEqual(CONTROLLER_TIMES);
  expect(discipline).toEqual({ rate_share: 0.5, batch_window_ms: 50, rules_shared_ms: 2_000 });
});

test("with a part of the delays the waits shrink to the laptop's own, but not those for AWS's rates", () => {
  const { config, times, discipline } = paced(laptop, 0.1);
  expect(config).toMatchObject({ absence_grace_ms: 3_000, poll_ms: 500, retry_ms: 3_000 });
  expect(config.drift_ms).toBe(30_000);
  expect(config.progress_deadline_ms).toBe(AWS_PACE.progress_deadline_ms);
  expect(times.pass_deadline_ms).toBe(CONTROLLER_TIMES.pass_deadline_ms);
  expect(discipline.rate_share).toBe(0.5);
  expect(paced(laptop, 0.001).config.poll_ms).toBe(laptop.config.poll_ms);
});

test('the setting and the flag say how much of them; 0 and nothing at all say none', () => {
  expect(readSettings({}, '/').realism).toBeUndefined();
  expect(readSettings({ TEMPUS_REALISM: '0' }, '/').realism).toBeUndefined();
  expect(readSettings({ TEMPUS_REALISM: '0.25' }, '/').realism).toBe(0.25);
  expect(parseOptions(['--realism']).realism).toBe(true);
  expect(parseOptions(['--realism', '0.5']).realism).toBe(0.5);
  expect(parseOptions([]).realism).toBeUndefined();
});
