import type { TempusClient } from '../../client/client.ts';
import { ApiProblem, Unreachable } from '../../client/errors.ts';
import type { SystemStatus } from '../../client/types.ts';
import type { Clock } from '../../platform/clock.ts';
import { VERSION } from '../version.ts';
import { type Check, once } from './check.ts';
import { judgeSkew } from './clock-skew.ts';
import { type Finding, skipped } from './finding.ts';
import { judgeLeader, judgeStream } from './leader.ts';
import type { Place } from './place.ts';
import { judgeRecords } from './records.ts';
import { judgeCaller, judgeProblem, judgeServer, judgeUnreachable } from './server.ts';
import { judgeSweep } from './sweep.ts';
import { judgeVersions } from './versions.ts';

export interface ApiDeps {
  client: TempusClient;
  /** The API's clock less this machine's; undefined before it has answered. */
  skewMs: () => number | undefined;
  clock: Clock;
  place: Place;
}

const NOT_TOLD = skipped('the API has not told: see api and token');

/** What can be told by asking the API alone. */
export function apiChecks(deps: ApiDeps): Check[] {
  const { client, skewMs, place } = deps;
  const { server } = client;
  const now = () => timeOf(deps);
  const health = once(() => client.health());
  const system = once(() => client.system());
  const explain = (error: unknown) =>
    error instanceof Unreachable ? judgeUnreachable(error, place) : undefined;
  /** A check of what GET /system says, which is skipped where it says nothing: two others tell why. */
  const told = (name: string, judge: (status: SystemStatus) => Finding[]): Check => ({
    name,
    look: async () => {
      try {
        return judge(await system());
      } catch (error) {
        if (error instanceof ApiProblem || error instanceof Unreachable) return [NOT_TOLD];
        throw error;
      }
    },
  });
  return [
    { name: 'api', look: async () => [judgeServer(server, await health())], explain: explainHealth(explain) },
    { name: 'token', look: () => lookAtToken(health, system), explain },
    {
      name: 'clock of the api',
      look: async () => {
        // That it does not answer is what another check is for; then it tells no time.
        await Promise.allSettled([health()]);
        return [judgeSkew('the API', skewMs())];
      },
    },
    told('versions', ({ version, controller }) =>
      judgeVersions({ command: VERSION, api: version, controller: controller?.version }, place.laptop),
    ),
    told('controller', ({ controller }) => [judgeLeader(controller, place)]),
    told('stream', ({ controller }) => [judgeStream(controller, now(), place)]),
    told('sweep', ({ controller, sweep }) =>
      judgeSweep(
        {
          report: sweep,
          last_sweep_at: controller?.last_sweep_at ?? null,
          led: controller !== null && !controller.stale,
          since: controller?.became_leader_at,
        },
        now(),
        place,
      ),
    ),
  ];
}

/** What the account would tell of its records, as the API sees them. */
export function recordsCheck(deps: ApiDeps): Check {
  return {
    name: 'records',
    look: async () => {
      try {
        const views = await deps.client.list();
        const records = views.map(({ deletion, ...view }) => (deletion ? { ...view, deletion } : view));
        return judgeRecords(records, timeOf(deps));
      } catch (error) {
        if (error instanceof ApiProblem || error instanceof Unreachable) return [NOT_TOLD];
        throw error;
      }
    },
  };
}

/** By the API's clock where it has told the time: what it says is old is old by that one. */
function timeOf({ clock, skewMs }: ApiDeps): Date {
  return new Date(clock.now().getTime() + (skewMs() ?? 0));
}

function explainHealth(explain: (error: unknown) => Finding | undefined) {
  return (error: unknown) =>
    explain(error) ?? (error instanceof ApiProblem ? judgeProblem(error.problem) : undefined);
}

async function lookAtToken(
  health: () => Promise<unknown>,
  system: () => Promise<SystemStatus>,
): Promise<Finding[]> {
  try {
    await health();
  } catch (error) {
    if (error instanceof ApiProblem || error instanceof Unreachable)
      return [skipped('nobody there to show it to')];
    throw error;
  }
  try {
    return [judgeCaller((await system()).caller)];
  } catch (error) {
    if (error instanceof ApiProblem) return [judgeProblem(error.problem)];
    throw error;
  }
}
