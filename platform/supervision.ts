/** One answer about a process: whether it is as it should be, and what that rests on. */
export interface Health {
  ok: boolean;
  detail: Readonly<Record<string, unknown>>;
}

/** What a process lets those ask who watch over it. None of it touches AWS. */
export interface Supervision {
  /** The Prometheus text exposition. */
  metrics(): Promise<string>;
  /** False when only a restart can help. */
  alive(): Health;
  /** False while the process cannot do its part. */
  ready(): Health;
}

export interface SupervisorAnswer {
  status: number;
  type: string;
  body: string;
}

/** Answers GET /metrics, /healthz and /readyz; undefined for any other path. */
export async function answerSupervisor(
  supervision: Supervision,
  path: string,
): Promise<SupervisorAnswer | undefined> {
  switch (path) {
    case '/metrics':
      return {
        status: 200,
        type: 'text/plain; version=0.0.4; charset=utf-8',
        body: await supervision.metrics(),
      };
    case '/healthz':
      return toAnswer(supervision.alive());
    case '/readyz':
      return toAnswer(supervision.ready());
    default:
      return undefined;
  }
}

function toAnswer({ ok, detail }: Health): SupervisorAnswer {
  return {
    status: ok ? 200 : 503,
    type: 'application/json; charset=utf-8',
    body: `${JSON.stringify({ ok, ...detail })}\n`,
  };
}
