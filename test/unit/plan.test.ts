import { expect, test } from 'vitest';
import { planPreview } from '../../reconcilers/plan.ts';
import { CONFIG } from '../sim/config.ts';

const ALB = {
  name: 'alb',
  listener_arn: 'arn:listener',
  probe_address: 'alb:80',
  scheme: 'http',
  primary: 'host',
  host_domain: 'preview.example.com',
  slots: 1,
} as const;

const planned = (config: typeof CONFIG) =>
  planPreview(
    {
      row: { id: '550e8400', preview_id: '550e8400-e29b-41d4-a716-446655440000' },
      spec: { image: 'a', port: 80, cpu: 256, memory: 512, env: {}, health_path: '/', health_codes: '200' },
      expires_at: '2026-01-01T00:00:00Z',
      alb: ALB,
      slots: new Map([['', 0]]),
      run: true,
    },
    config,
  );

test.each(['aws', 'aws-us-gov', 'aws-cn'])(
  'in the partition %s a fuse calls the ECS of that partition',
  (partition) => {
    const plan = planned({ ...CONFIG, fuse_role_arn: `arn:${partition}:iam::123456789012:role/tempus-fuse` });
    expect(plan.fuse.Target?.Arn).toBe(`arn:${partition}:scheduler:::aws-sdk:ecs:updateService`);
  },
);

test('the code of a preview gets no role, although ECS has one to pull its image with', () => {
  const execution_role_arn = 'arn:aws:iam::123456789012:role/tempus-preview-execution';
  const { taskDefinition } = planned({ ...CONFIG, execution_role_arn });
  expect(taskDefinition).toMatchObject({ executionRoleArn: execution_role_arn });
  expect(taskDefinition).not.toHaveProperty('taskRoleArn');
  for (const container of taskDefinition.containerDefinitions ?? [])
    expect(container).not.toHaveProperty('privileged');
});
