import { type AwsPorts, ECS_CALLS, ELBV2_CALLS, LOGS_CALLS, SCHEDULER_CALLS } from './ports.ts';

type AnyCall = (input: never) => Promise<unknown>;
/** What is done about one call of one service; undefined leaves the call as it is. */
type Around = (
  service: keyof AwsPorts,
  call: string,
) => ((proceed: () => Promise<unknown>) => Promise<unknown>) | undefined;

/** The same ports, with what `around` answers run about every call. */
export function decorate(ports: AwsPorts, around: Around): AwsPorts {
  const wrap = <P extends Record<keyof P, AnyCall>>(
    service: keyof AwsPorts,
    port: P,
    calls: readonly (keyof P & string)[],
  ) => {
    const wrapped = calls.map((call): [string, AnyCall] => {
      const run = around(service, call);
      return [call, run ? (input) => run(() => port[call](input)) : (input) => port[call](input)];
    });
    return Object.fromEntries(wrapped) as P;
  };
  return {
    ecs: wrap('ecs', ports.ecs, ECS_CALLS),
    elbv2: wrap('elbv2', ports.elbv2, ELBV2_CALLS),
    scheduler: wrap('scheduler', ports.scheduler, SCHEDULER_CALLS),
    logs: wrap('logs', ports.logs, LOGS_CALLS),
  };
}

const READS = /^(describe|list|get|filter)/;

/** Runs `check` before every mutating call; what it throws keeps the call from being made. */
export function fenced(ports: AwsPorts, check: () => void): AwsPorts {
  const checked = async (proceed: () => Promise<unknown>) => {
    check();
    return proceed();
  };
  return decorate(ports, (_service, call) => (READS.test(call) ? undefined : checked));
}
