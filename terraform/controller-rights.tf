# What the controller may do: make, change and take away what carries this install's tag, and nothing else.

resource "aws_iam_role" "controller" {
  name               = "${var.install}-controller"
  description        = "The controller of Tempus: manages previews of this install and nothing else"
  assume_role_policy = local.trust_ecs_tasks
}

locals {
  own_request  = { "aws:RequestTag/${local.own_tag}" = var.install }
  own_resource = { "aws:ResourceTag/${local.own_tag}" = var.install }
  # See preview/spec-fields.ts.
  largest_preview = { "ecs:task-cpu" = "2048" }

  # What a service of a preview may be made of. The role of a task definition is asked for where that is registered, and not
  # where it is run, so that any family of the account, the control plane's own included, would do.
  preview_service = {
    ArnLikeIfExists      = { "ecs:task-definition" = local.preview_task_definition_arn }
    StringEqualsIfExists = { "ecs:enable-execute-command" = "false" }
    # AWS's reference says "subnets" and does not say whether by id or by ARN.
    "ForAllValues:StringEquals" = {
      "ecs:subnet" = concat(local.task_subnets, [for id in local.task_subnets : "${local.arn.ec2}:subnet/${id}"])
    }
  }

  preview_listener_arns = [for alb in values(local.albs) : "${local.arn.elasticloadbalancing}:listener/app/${alb.name}/*"]
  preview_rule_arns     = [for alb in values(local.albs) : "${local.arn.elasticloadbalancing}:listener-rule/app/${alb.name}/*"]

  controller_on_tables = [
    {
      Sid      = "Records"
      Effect   = "Allow"
      Action   = ["dynamodb:DescribeTable", "dynamodb:GetItem", "dynamodb:UpdateItem"]
      Resource = local.table_arn.previews
    },
    {
      Sid      = "ListRecords"
      Effect   = "Allow"
      Action   = "dynamodb:Query"
      Resource = "${local.table_arn.previews}/index/live"
    },
    {
      Sid      = "ChangesOfRecords"
      Effect   = "Allow"
      Action   = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
      Resource = "${local.table_arn.previews}/stream/*"
    },
    {
      Sid      = "Coordination"
      Effect   = "Allow"
      Action   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
      Resource = local.table_arn.coordination
    },
    {
      Sid      = "History"
      Effect   = "Allow"
      Action   = "dynamodb:PutItem"
      Resource = local.table_arn.events
    },
  ]

  controller_on_ecs = [
    {
      Sid      = "CreateServices"
      Effect   = "Allow"
      Action   = "ecs:CreateService"
      Resource = local.preview_service_arn
      Condition = merge(local.preview_service, {
        StringEquals                  = local.own_request
        ArnEquals                     = { "ecs:cluster" = local.cluster_arn }
        NumericLessThanEqualsIfExists = local.largest_preview
      })
    },
    {
      Sid      = "ChangeServices"
      Effect   = "Allow"
      Action   = "ecs:UpdateService"
      Resource = local.preview_service_arn
      Condition = merge(local.preview_service, {
        StringEquals = local.own_resource
        ArnEquals    = { "ecs:cluster" = local.cluster_arn }
      })
    },
    {
      Sid      = "DeleteServices"
      Effect   = "Allow"
      Action   = "ecs:DeleteService"
      Resource = local.preview_service_arn
      Condition = {
        StringEquals = local.own_resource
        ArnEquals    = { "ecs:cluster" = local.cluster_arn }
      }
    },
    {
      # What is not there yet has no tags: a condition on them would answer "denied" for "missing".
      Sid       = "ReadServices"
      Effect    = "Allow"
      Action    = "ecs:DescribeServices"
      Resource  = local.preview_service_arn
      Condition = { ArnEquals = { "ecs:cluster" = local.cluster_arn } }
    },
    {
      Sid       = "ReadTasks"
      Effect    = "Allow"
      Action    = "ecs:DescribeTasks"
      Resource  = "${local.arn.ecs}:task/${var.install}/*"
      Condition = { ArnEquals = { "ecs:cluster" = local.cluster_arn } }
    },
    {
      Sid       = "ListServicesAndTasks"
      Effect    = "Allow"
      Action    = ["ecs:ListServices", "ecs:ListTasks"]
      Resource  = "*"
      Condition = { ArnEquals = { "ecs:cluster" = local.cluster_arn } }
    },
    {
      Sid      = "RegisterTaskDefinitions"
      Effect   = "Allow"
      Action   = "ecs:RegisterTaskDefinition"
      Resource = local.preview_task_definition_arn
      Condition = {
        StringEquals = local.own_request
        # Fargate has no privileged containers. AWS knows the key from requiresCompatibilities, and ForAllValues alone
        # would let a request pass that leaves it out.
        "ForAllValues:StringEquals"   = { "ecs:compute-compatibility" = "FARGATE" }
        Null                          = { "ecs:compute-compatibility" = "false" }
        NumericLessThanEqualsIfExists = local.largest_preview
      }
    },
    {
      Sid       = "DeleteTaskDefinitions"
      Effect    = "Allow"
      Action    = "ecs:DeleteTaskDefinitions"
      Resource  = local.preview_task_definition_arn
      Condition = { StringEquals = local.own_resource }
    },
    {
      # AWS knows neither resources nor conditions for these.
      Sid    = "ReadAndDeregisterTaskDefinitions"
      Effect = "Allow"
      Action = [
        "ecs:DeregisterTaskDefinition",
        "ecs:DescribeTaskDefinition",
        "ecs:ListTaskDefinitionFamilies",
        "ecs:ListTaskDefinitions",
      ]
      Resource = "*"
    },
    {
      Sid       = "TagWhatItCreates"
      Effect    = "Allow"
      Action    = "ecs:TagResource"
      Resource  = [local.preview_service_arn, local.preview_task_definition_arn]
      Condition = { StringEquals = { "ecs:CreateAction" = ["CreateService", "RegisterTaskDefinition"] } }
    },
    {
      Sid       = "LetEcsStartPreviews"
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = "${local.role_arn}/${var.install}-preview-execution"
      Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
    },
  ]

  controller_on_load_balancers = [
    {
      Sid       = "CreateTargetGroups"
      Effect    = "Allow"
      Action    = "elasticloadbalancing:CreateTargetGroup"
      Resource  = local.preview_target_group_arn
      Condition = { StringEquals = local.own_request }
    },
    {
      Sid    = "ChangeTargetGroups"
      Effect = "Allow"
      Action = [
        "elasticloadbalancing:DeleteTargetGroup",
        "elasticloadbalancing:ModifyTargetGroup",
        "elasticloadbalancing:ModifyTargetGroupAttributes",
      ]
      Resource  = local.preview_target_group_arn
      Condition = { StringEquals = local.own_resource }
    },
    {
      Sid       = "CreateRules"
      Effect    = "Allow"
      Action    = "elasticloadbalancing:CreateRule"
      Resource  = local.preview_listener_arns
      Condition = { StringEquals = local.own_request }
    },
    {
      Sid       = "ChangeRules"
      Effect    = "Allow"
      Action    = ["elasticloadbalancing:DeleteRule", "elasticloadbalancing:ModifyRule"]
      Resource  = local.preview_rule_arns
      Condition = { StringEquals = local.own_resource }
    },
    {
      Sid       = "TagWhatItBalances"
      Effect    = "Allow"
      Action    = "elasticloadbalancing:AddTags"
      Resource  = concat([local.preview_target_group_arn], local.preview_rule_arns)
      Condition = { StringEquals = { "elasticloadbalancing:CreateAction" = ["CreateRule", "CreateTargetGroup"] } }
    },
    {
      # AWS knows neither resources nor conditions for these.
      Sid    = "ReadLoadBalancing"
      Effect = "Allow"
      Action = [
        "elasticloadbalancing:DescribeRules",
        "elasticloadbalancing:DescribeTags",
        "elasticloadbalancing:DescribeTargetGroupAttributes",
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:DescribeTargetHealth",
      ]
      Resource = "*"
    },
  ]

  controller_on_fuses = [
    {
      Sid    = "Fuses"
      Effect = "Allow"
      Action = [
        "scheduler:CreateSchedule",
        "scheduler:DeleteSchedule",
        "scheduler:GetSchedule",
        "scheduler:UpdateSchedule",
      ]
      Resource = "${local.arn.scheduler}:schedule/${var.install}-fuses/*"
    },
    {
      # AWS knows no resource for it, and refuses the group.
      Sid      = "ListFuses"
      Effect   = "Allow"
      Action   = "scheduler:ListSchedules"
      Resource = "*"
    },
    {
      Sid       = "LetFusesStopPreviews"
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = "${local.role_arn}/${var.install}-fuse"
      Condition = { StringEquals = { "iam:PassedToService" = "scheduler.amazonaws.com" } }
    },
  ]

  controller_on_logs = [{
    Sid      = "LastLinesOfPreviews"
    Effect   = "Allow"
    Action   = "logs:GetLogEvents"
    Resource = local.log_streams_arn.previews
  }]
}

resource "aws_iam_role_policy" "controller" {
  name = "${var.install}-controller"
  role = aws_iam_role.controller.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      local.controller_on_tables,
      local.controller_on_ecs,
      local.controller_on_load_balancers,
      local.controller_on_fuses,
      local.controller_on_logs,
    )
  })
}
