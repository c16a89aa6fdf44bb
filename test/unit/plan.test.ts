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

test.each(['aws', 'aws-us-gov', 'aws-cn'])(
  'in the partition %s a fuse calls the ECS of that partition',
  (partition) => {
    const config = { ...CONFIG, fuse_role_arn: `arn:${partition}:iam::123456789012:role/tempus-fuse` };
    const plan = planPreview(
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
    expect(plan.fuse.Target?.Arn).toBe(`arn:${partition}:scheduler:::aws-sdk:ecs:updateService`);
  },
);
