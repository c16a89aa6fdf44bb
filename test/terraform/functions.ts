import { expect, test } from 'vitest';
import { FUNCTIONS } from '../../deploy/build.ts';
import { eventPattern } from '../../lambda/observe.ts';
import type { Plan } from './plan.ts';
import type { Variant } from './variants.ts';

export function functions(plan: Plan, { install }: Variant): void {
  const names = Object.keys(FUNCTIONS);

  test('each function is what was built, on ARM64, and writes to a log that ends', () => {
    expect(plan.of('aws_lambda_function').map(({ name }) => name)).toEqual(names);
    for (const { name, values } of plan.of('aws_lambda_function')) {
      expect(values).toMatchObject({
        runtime: 'nodejs24.x',
        architectures: ['arm64'],
        handler: 'index.handler',
        source_code_hash: expect.stringMatching(/^[A-Za-z0-9+/]{43}=$/) as string,
        logging_config: [{ log_group: plan.at(`aws_cloudwatch_log_group.${name}`).values['name'] }],
      });
      // A run must be over before the next minute's.
      expect(values['timeout']).toBeLessThan(60);
    }
  });

  test('expiry is looked for every minute, apart from the fuses', () => {
    const schedules = plan.of('aws_scheduler_schedule').map(({ values }) => values);
    expect(schedules).toMatchObject([
      {
        schedule_expression: 'rate(1 minute)',
        flexible_time_window: [{ mode: 'OFF' }],
        group_name: install,
      },
    ]);
    expect(plan.at('aws_scheduler_schedule_group.fuses').values['name']).toBe(`${install}-fuses`);
  });

  test("ECS's events reach lambda/observe by the pattern that it was written for", () => {
    const { event_pattern } = plan.at('aws_cloudwatch_event_rule.observe').values;
    expect(JSON.parse(event_pattern as string)).toEqual(
      eventPattern({ region: 'us-east-1', account: '123456789012', cluster: install }),
    );
    expect(plan.referencesOf(plan.at('aws_cloudwatch_event_target.observe'), 'arn')).toEqual([
      'aws_lambda_function.observe',
    ]);
  });

  test('no queue stands between anything', () => {
    expect(plan.resources.filter(({ type }) => type.includes('sqs'))).toEqual([]);
  });
}
