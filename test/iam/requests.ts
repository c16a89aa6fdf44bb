/** One right that a call needs: an action on resources, under what IAM would know of it. */
export interface Request {
  action: string;
  /** Without account and region, and with the names that an install called `tempus` gives. */
  resources: string[];
  context: Record<string, string | string[]>;
}

interface Input {
  [name: string]: unknown;
}

/** What tests call the things that Terraform makes, as Terraform calls them. */
const NAMES: readonly (readonly [RegExp, string])[] = [
  [/^arn:aws:([a-z]+):[a-z0-9-]*:\d*:/, 'arn:aws:$1:us-east-1:123456789012:'],
  [/:table\/(tempus-)?(previews|coordination|events)\b/, ':table/tempus-$2'],
  [/((?:listener|listener-rule|loadbalancer)\/app)\/[^/]+\//, '$1/tempus-previews-1/'],
];

export function canonical(arn: string): string {
  return NAMES.reduce((text, [from, to]) => text.replace(from, to), arn);
}

/** The subnets of the install that the calls are held against, and what laptop mode calls the same. */
export const TASK_SUBNETS = ['subnet-1', 'subnet-2'] as const;
const SUBNETS: Readonly<Record<string, string>> = {
  'subnet-00000000000000000': TASK_SUBNETS[0],
  'subnet-00000000000000001': TASK_SUBNETS[1],
};

const arn = (service: string, resource: string) => `arn:aws:${service}:us-east-1:123456789012:${resource}`;
const RECORD = arn('dynamodb', 'table/tempus-previews');
const LOG_GROUP = arn('logs', 'log-group:/tempus/tempus/previews:*');
/** Tags that what Tempus made carries, whoever's test it was: a call that changes something does not say them. */
const OWN_TAGS = { 'tempus:managed': 'true', 'tempus:install': 'tempus' };

const text = (value: unknown) => (typeof value === 'string' ? value : '');
const last = (value: unknown) => text(value).split('/').at(-1) ?? '';

function tagged(
  kind: 'RequestTag' | 'ResourceTag',
  tags: Readonly<Record<string, string>>,
): Request['context'] {
  return Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:${kind}/${key}`, value]));
}

/** The tags of a create call, under ECS's or ELB's spelling of them, with the install's name as Terraform gives it. */
function requestTags({ tags, Tags }: Input): Request['context'] {
  const given = (tags ?? Tags ?? []) as { key?: string; value?: string; Key?: string; Value?: string }[];
  const all = Object.fromEntries(
    given.map((tag) => [tag.key ?? tag.Key ?? '', tag.value ?? tag.Value ?? '']),
  );
  if ('tempus:install' in all) all['tempus:install'] = 'tempus';
  return { ...tagged('RequestTag', all), 'aws:TagKeys': Object.keys(all) };
}

const owned = tagged('ResourceTag', OWN_TAGS);
/** ECS takes a call that names no cluster for one about the account's default cluster. */
const inCluster = ({ cluster = 'default' }: Input): Request['context'] => ({
  'ecs:cluster': arn('ecs', `cluster/${last(cluster)}`),
});
const service = (name: unknown) => arn('ecs', `service/tempus/${last(name)}`);

type Rule = (input: Input) => Request[];
const one =
  (
    action: string,
    resources: (input: Input) => string[],
    context: (input: Input) => Request['context'] = () => ({}),
  ): Rule =>
  (input) => [{ action, resources: resources(input), context: context(input) }];
const everything = () => ['*'];

function table(action: string): Rule {
  return one(`dynamodb:${action}`, ({ TableName, IndexName }) => {
    const resource = canonical(arn('dynamodb', `table/${text(TableName)}`));
    return [IndexName === undefined ? resource : `${resource}/index/${text(IndexName)}`];
  });
}

const stream = (action: string): Rule =>
  one(`dynamodb:${action}`, () => [`${RECORD}/stream/2026-01-01T00:00:00.000`]);

/** The right to hand over the roles that a call names: none where it names none. */
function passRoles(roles: readonly unknown[], to: string): Request[] {
  return roles
    .filter((role) => role !== undefined)
    .map((role) => ({
      action: 'iam:PassRole',
      resources: [`arn:aws:iam::123456789012:role/${last(role)}`],
      context: { 'iam:PassedToService': to },
    }));
}

/** A fuse is the one thing that calls AWS with a role of its own, at a time when nobody else does. */
const schedule =
  (action: string): Rule =>
  ({ Name, Target }) => {
    const resources = [arn('scheduler', `schedule/tempus-fuses/${text(Name)}`)];
    const { RoleArn } = (Target ?? {}) as { RoleArn?: string };
    return [
      { action: `scheduler:${action}`, resources, context: {} },
      ...passRoles([RoleArn], 'scheduler.amazonaws.com'),
    ];
  };

const rule = (action: string, field: string): Rule =>
  one(
    `elasticloadbalancing:${action}`,
    (input) => [canonical(text(input[field]))],
    () => owned,
  );
const describe = (action: string): Rule => one(`elasticloadbalancing:${action}`, everything);

const createTargetGroup: Rule = (input) => {
  const resources = [arn('elasticloadbalancing', `targetgroup/${text(input['Name'])}/0123456789abcdef`)];
  const context = requestTags(input);
  return [
    { action: 'elasticloadbalancing:CreateTargetGroup', resources, context },
    {
      action: 'elasticloadbalancing:AddTags',
      resources,
      context: { ...context, 'elasticloadbalancing:CreateAction': 'CreateTargetGroup' },
    },
  ];
};

const createRule: Rule = (input) => {
  const listener = canonical(text(input['ListenerArn']));
  const context = requestTags(input);
  return [
    { action: 'elasticloadbalancing:CreateRule', resources: [listener], context },
    {
      action: 'elasticloadbalancing:AddTags',
      resources: [`${listener.replace(':listener/', ':listener-rule/')}/0123456789abcdef`],
      context: { ...context, 'elasticloadbalancing:CreateAction': 'CreateRule' },
    },
  ];
};

/** "The required compatibilities field provided in the request": absent where the request has none. */
function compatibilities({ requiresCompatibilities }: Input): Request['context'] {
  return requiresCompatibilities === undefined
    ? {}
    : { 'ecs:compute-compatibility': requiresCompatibilities as string[] };
}

const registerTaskDefinition: Rule = (input) => {
  const resources = [arn('ecs', `task-definition/${text(input['family'])}:1`)];
  const context = {
    ...requestTags(input),
    'ecs:task-cpu': text(input['cpu']),
    'ecs:task-memory': text(input['memory']),
  };
  return [
    {
      action: 'ecs:RegisterTaskDefinition',
      resources,
      context: { ...context, ...compatibilities(input) },
    },
    {
      action: 'ecs:TagResource',
      resources,
      context: { ...requestTags(input), 'ecs:CreateAction': 'RegisterTaskDefinition' },
    },
    ...passRoles([input['executionRoleArn'], input['taskRoleArn']], 'ecs-tasks.amazonaws.com'),
  ];
};

/** What of a service's settings IAM would know: of those that a call leaves out, nothing. */
function settingsOf(input: Input): Request['context'] {
  const { taskDefinition, networkConfiguration, enableExecuteCommand } = input as {
    taskDefinition?: string;
    networkConfiguration?: { awsvpcConfiguration?: { subnets?: string[] } };
    enableExecuteCommand?: boolean;
  };
  const subnets = networkConfiguration?.awsvpcConfiguration?.subnets;
  return {
    ...(taskDefinition && { 'ecs:task-definition': arn('ecs', `task-definition/${last(taskDefinition)}`) }),
    ...(subnets && { 'ecs:subnet': subnets.map((id) => SUBNETS[id] ?? id) }),
    ...(enableExecuteCommand !== undefined && { 'ecs:enable-execute-command': String(enableExecuteCommand) }),
  };
}

const createService: Rule = (input) => {
  const resources = [service(input['serviceName'])];
  return [
    {
      action: 'ecs:CreateService',
      resources,
      context: {
        ...requestTags(input),
        ...inCluster(input),
        ...settingsOf(input),
      },
    },
    {
      action: 'ecs:TagResource',
      resources,
      context: { ...requestTags(input), 'ecs:CreateAction': 'CreateService' },
    },
  ];
};

const RULES: Readonly<Record<string, Readonly<Record<string, Rule>>>> = {
  dynamodb: Object.fromEntries(
    ['GetItem', 'PutItem', 'UpdateItem', 'Query', 'DescribeTable', 'DeleteItem', 'Scan'].map((action) => [
      action,
      table(action),
    ]),
  ),
  streams: Object.fromEntries(
    ['DescribeStream', 'GetShardIterator', 'GetRecords'].map((action) => [action, stream(action)]),
  ),
  ecs: {
    RegisterTaskDefinition: registerTaskDefinition,
    DescribeTaskDefinition: one('ecs:DescribeTaskDefinition', everything),
    ListTaskDefinitions: one('ecs:ListTaskDefinitions', everything),
    ListTaskDefinitionFamilies: one('ecs:ListTaskDefinitionFamilies', everything),
    DeregisterTaskDefinition: one('ecs:DeregisterTaskDefinition', everything),
    DeleteTaskDefinitions: one(
      'ecs:DeleteTaskDefinitions',
      ({ taskDefinitions }) =>
        ((taskDefinitions ?? []) as string[]).map((name) => arn('ecs', `task-definition/${last(name)}`)),
      () => owned,
    ),
    CreateService: createService,
    UpdateService: one(
      'ecs:UpdateService',
      (input) => [service(input['service'])],
      (input) => ({ ...owned, ...inCluster(input), ...settingsOf(input) }),
    ),
    DeleteService: one(
      'ecs:DeleteService',
      (input) => [service(input['service'])],
      (input) => ({ ...owned, ...inCluster(input) }),
    ),
    DescribeServices: one(
      'ecs:DescribeServices',
      ({ services }) => ((services ?? []) as string[]).map(service),
      inCluster,
    ),
    ListServices: one('ecs:ListServices', everything, inCluster),
    ListTasks: one('ecs:ListTasks', everything, inCluster),
    DescribeTasks: one(
      'ecs:DescribeTasks',
      ({ tasks }) => ((tasks ?? []) as string[]).map((name) => arn('ecs', `task/tempus/${last(name)}`)),
      inCluster,
    ),
  },
  elbv2: {
    CreateTargetGroup: createTargetGroup,
    CreateRule: createRule,
    ModifyRule: rule('ModifyRule', 'RuleArn'),
    DeleteRule: rule('DeleteRule', 'RuleArn'),
    ModifyTargetGroup: rule('ModifyTargetGroup', 'TargetGroupArn'),
    ModifyTargetGroupAttributes: rule('ModifyTargetGroupAttributes', 'TargetGroupArn'),
    DeleteTargetGroup: rule('DeleteTargetGroup', 'TargetGroupArn'),
    ...Object.fromEntries(
      [
        'DescribeTargetGroups',
        'DescribeTargetGroupAttributes',
        'DescribeTargetHealth',
        'DescribeRules',
        'DescribeTags',
      ].map((action) => [action, describe(action)]),
    ),
  },
  scheduler: {
    ...Object.fromEntries(
      ['CreateSchedule', 'UpdateSchedule', 'GetSchedule', 'DeleteSchedule'].map((action) => [
        action,
        schedule(action),
      ]),
    ),
    ListSchedules: one('scheduler:ListSchedules', everything),
  },
  logs: {
    FilterLogEvents: one('logs:FilterLogEvents', () => [LOG_GROUP]),
    GetLogEvents: one('logs:GetLogEvents', ({ logStreamName }) => [
      LOG_GROUP.replace(/:\*$/, `:log-stream:${text(logStreamName)}`),
    ]),
  },
};

/** The rights that a call needs on AWS, those that it implies included. Throws for a call that nobody has thought of. */
export function requestsOf(name: string, operation: string, input: unknown): Request[] {
  const rights = RULES[name]?.[operation];
  if (!rights) throw new Error(`which rights does ${name} ${operation} need? Say so in test/iam/requests.ts`);
  return rights((input ?? {}) as Input);
}
