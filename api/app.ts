import express, { type RequestHandler } from 'express';
import helmet from 'helmet';
import { pinoHttp } from 'pino-http';
import { authenticate } from './authentication.ts';
import type { ApiDeps } from './deps.ts';
import { eventRoutes } from './event-routes.ts';
import { EXACTLY } from './exactly.ts';
import { guard } from './guard.ts';
import { hideSecretsInUrl } from './hide-secrets.ts';
import { logRoutes } from './log-routes.ts';
import { openapi } from './openapi.ts';
import { Problem, problemHandler } from './problems.ts';
import { retryRoutes } from './retry-routes.ts';
import { previewRoutes } from './routes.ts';
import { sweepRoutes } from './sweep-routes.ts';
import { systemRoutes } from './system-routes.ts';
import { tokenRoutes } from './token-routes.ts';

const BODY_LIMIT = '64kb';
const METHODS: Readonly<Record<string, string>> = {
  '/preview/create': 'POST',
  '/previews': 'GET',
  '/health': 'GET',
  '/system': 'GET',
  '/system/sweep': 'GET, POST',
  '/tokens': 'POST',
  '/openapi.json': 'GET',
};

/** The API without a socket. It writes records and reads logs; it never calls ECS or a load balancer. */
export function createApi(deps: ApiDeps): express.Express {
  const { log, config, random } = deps;
  const app = express();
  app.disable('x-powered-by');
  // One load balancer stands before it, and says who asks and how; on a laptop nobody does.
  app.set('trust proxy', config.behind_load_balancer ? 1 : false);
  app.set('case sensitive routing', EXACTLY.caseSensitive);
  app.use(hideSecretsInUrl);
  app.use(requestId(() => random.uuid()));
  app.use(
    pinoHttp({
      logger: log,
      customLogLevel: (_request, response) => (response.statusCode >= 500 ? 'error' : 'debug'),
      serializers: {
        req: ({ method, url }: { method: string; url: string }) => ({ method, url }),
        res: ({ statusCode }: { statusCode: number }) => ({ status: statusCode }),
      },
    }),
  );
  app.use(helmet());
  // Before the guard: a load balancer's health check asks for the task's own address, and has no token.
  app.get('/health', (_request, response) => {
    response.json({ status: 'ok', version: config.version });
  });
  app.use(guard(config.allowed_hosts));
  app.use(authenticate(deps));
  app.use(express.json({ limit: BODY_LIMIT, strict: false }));
  const document = openapi(config);
  app.get('/openapi.json', (_request, response) => {
    response.json(document);
  });
  app.use(
    previewRoutes(deps),
    retryRoutes(deps),
    logRoutes(deps),
    eventRoutes(deps),
    systemRoutes(deps),
    tokenRoutes(deps),
    sweepRoutes(deps),
  );
  app.use(noRoute);
  app.use(problemHandler(log));
  return app;
}

function requestId(mint: () => string): RequestHandler {
  return (_request, response, next) => {
    response.set('x-request-id', mint());
    next();
  };
}

/** A path that exists with another method is not the same mistake as a path that does not exist. */
const noRoute: RequestHandler = ({ path, method }) => {
  const allow = METHODS[path] ?? methodsOf(path);
  if (allow !== undefined) {
    throw new Problem({
      status: 405,
      code: 'method_not_allowed',
      detail: `${path} does not take ${method}`,
      hint: `it takes ${allow}`,
      headers: { allow },
    });
  }
  throw new Problem({
    status: 404,
    code: 'route_not_found',
    detail: `there is nothing at ${path.slice(0, 100)}`,
    hint: 'GET /openapi.json lists every route; POST /preview/create makes a preview',
  });
};

function methodsOf(path: string): string | undefined {
  if (/^\/preview\/[^/]+\/?$/.test(path)) return 'GET, DELETE';
  if (/^\/tokens\/[^/]+\/?$/.test(path)) return 'DELETE';
  if (/^\/preview\/[^/]+\/retry\/?$/.test(path)) return 'POST';
  return /^\/preview\/[^/]+\/(logs|events)\/?$/.test(path) ? 'GET' : undefined;
}
