import { expect, test } from 'vitest';
import type { Plan } from './plan.ts';
import type { Variant } from './variants.ts';

export const PARTS = ['api', 'controller'] as const;
export type Part = (typeof PARTS)[number];

export interface PlannedContainer {
  name: string;
  command: string[];
  /** A value that only apply will tell is absent. */
  environment: { name: string; value?: string }[];
  secrets?: { name: string; valueFrom: string }[];
  healthCheck: { command: string[] };
  logConfiguration: { options: Record<string, string> };
}

/** What the tasks of API and controller run. */
export function containersOf(plan: Plan): Record<Part, PlannedContainer> {
  return plan.output('containers') as Record<Part, PlannedContainer>;
}

export function services(plan: Plan, { install, albs, standby }: Variant): void {
  test('both services run on ARM64 and go back by themselves when a deployment fails', () => {
    for (const part of PARTS) {
      expect(plan.at(`aws_ecs_task_definition.${part}`).values).toMatchObject({
        requires_compatibilities: ['FARGATE'],
        network_mode: 'awsvpc',
        runtime_platform: [{ cpu_architecture: 'ARM64', operating_system_family: 'LINUX' }],
      });
      expect(plan.at(`aws_ecs_service.${part}`).values).toMatchObject({
        deployment_circuit_breaker: [{ enable: true, rollback: true }],
        wait_for_steady_state: true,
      });
    }
    // Or else an apply that was taken back would look like one that went well.
    expect(plan.checkedAtApply).toEqual(
      expect.arrayContaining(['aws_ecs_service.api', 'aws_ecs_service.controller']),
    );
    expect(plan.at('aws_ecs_service.api').values['desired_count']).toBe(1);
    expect(plan.at('aws_ecs_service.controller').values['desired_count']).toBe(standby ? 2 : 1);
  });

  test('both containers can write nothing and gain no right', () => {
    for (const container of Object.values(containersOf(plan))) {
      expect(container).toMatchObject({
        readonlyRootFilesystem: true,
        user: '65532',
        linuxParameters: { capabilities: { drop: ['ALL'] } },
      });
      for (const key of ['privileged', 'mountPoints', 'entryPoint'])
        expect(container).not.toHaveProperty(key);
    }
  });

  test('each container runs its part, is asked for its health, and writes to its log', () => {
    expect(Object.keys(containersOf(plan))).toEqual([...PARTS]);
    for (const [part, container] of Object.entries(containersOf(plan))) {
      expect(container.name).toBe(part);
      expect(container.command).toEqual([`/app/${part}/main.js`]);
      expect(container.healthCheck.command.slice(2)).toEqual(['/app/health.js', part]);
      expect(container.logConfiguration.options['awslogs-group']).toBe(
        plan.at(`aws_cloudwatch_log_group.${part}`).values['name'],
      );
    }
  });

  test('the API stands behind its own address and, apart from it, behind every waiting room', () => {
    const balancers = plan.at('aws_ecs_service.api').values['load_balancer'] as { container_port: number }[];
    // Of an ECS service's target groups there may be five.
    expect(balancers.length).toBeLessThanOrEqual(5);
    const ports = balancers.map(({ container_port }) => container_port);
    expect(ports.filter((port) => port === 4000)).toHaveLength(1);
    expect(ports.filter((port) => port === 4001)).toHaveLength(albs);
  });

  test('names are no longer than AWS allows', () => {
    const longest = (type: string, length: number) => {
      const names = plan.of(type).map(({ values }) => values['name'] as string);
      expect(names.length).toBeGreaterThan(0);
      for (const name of names) {
        expect(name.startsWith(install)).toBe(true);
        expect(name.length, name).toBeLessThanOrEqual(length);
      }
    };
    longest('aws_lb', 32);
    longest('aws_lb_target_group', 32);
    longest('aws_iam_role', 64);
    longest('aws_scheduler_schedule_group', 64);
  });
}
