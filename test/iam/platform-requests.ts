import type { Request } from './requests.ts';

const arn = (service: string, resource: string) => `arn:aws:${service}:us-east-1:123456789012:${resource}`;
const request = (action: string, resource: string, context: Request['context'] = {}): Request => ({
  action,
  resources: [resource],
  context,
});

/** What the ECS agent does to start a task: developer guide, task_execution_IAM_role. */
function starting(image: string, logGroup: string): Request[] {
  const repository = arn('ecr', `repository/${image}`);
  const stream = arn('logs', `log-group:${logGroup}:log-stream:a/b/c`);
  return [
    request('ecr:GetAuthorizationToken', '*'),
    request('ecr:BatchCheckLayerAvailability', repository),
    request('ecr:GetDownloadUrlForLayer', repository),
    request('ecr:BatchGetImage', repository),
    request('logs:CreateLogStream', stream),
    request('logs:PutLogEvents', stream),
  ];
}

/** What the Lambda runtime does for a function that writes to its log. */
function logging(name: string): Request[] {
  const stream = arn('logs', `log-group:/aws/lambda/${name}:log-stream:a`);
  return [request('logs:CreateLogStream', stream), request('logs:PutLogEvents', stream)];
}

/** What AWS itself does in the name of a role: nothing of Tempus calls it, so no test can record it. */
export const PLATFORM_REQUESTS: Readonly<Record<string, readonly Request[]>> = {
  execution: [
    ...starting('tempus-control-plane', '/tempus/tempus/api'),
    ...starting('tempus-control-plane', '/tempus/tempus/controller'),
  ],
  'preview-execution': [
    ...starting('tempus-hello', '/tempus/tempus/previews'),
    ...starting('of-a-team', '/tempus/tempus/previews'),
  ],
  expire: logging('tempus-expire'),
  observe: logging('tempus-observe'),
  scheduler: [request('lambda:InvokeFunction', arn('lambda', 'function:tempus-expire'))],
  // Written into each schedule by reconcilers/plan.ts.
  fuse: [
    request('ecs:UpdateService', arn('ecs', 'service/tempus/tempus-550e8400'), {
      'ecs:cluster': arn('ecs', 'cluster/tempus'),
      'aws:ResourceTag/tempus:managed': 'true',
      'aws:ResourceTag/tempus:install': 'tempus',
    }),
  ],
};
