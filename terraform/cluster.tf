resource "aws_ecs_cluster" "tempus" {
  name = var.install

  # Container Insights would cost more than the control plane itself.
  setting {
    name  = "containerInsights"
    value = "disabled"
  }
}

resource "aws_ecs_cluster_capacity_providers" "tempus" {
  cluster_name       = aws_ecs_cluster.tempus.name
  capacity_providers = ["FARGATE", "FARGATE_SPOT"]

  default_capacity_provider_strategy {
    capacity_provider = "FARGATE"
    weight            = 1
  }
}

locals {
  # Who may assume a role on behalf of a task: ECS, for this account's tasks only.
  trust_ecs_tasks = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account }
        ArnLike      = { "aws:SourceArn" = "${local.arn.ecs}:*" }
      }
    }]
  })

  # Lambda sets no source in its own calls to AssumeRole.
  trust_lambda = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })

  # What the API's and the controller's container have in common: neither can write to its disk or gain a right.
  container = {
    image                  = var.control_plane_image
    essential              = true
    user                   = "65532"
    readonlyRootFilesystem = true
    stopTimeout            = 30
    linuxParameters = {
      initProcessEnabled = true
      capabilities       = { drop = ["ALL"] }
    }
  }

  # Each part's container asks its own part: see deploy/health.ts.
  health_check = { for part in ["api", "controller"] : part => {
    command     = ["CMD", "/usr/local/bin/node", "/app/health.js", part]
    interval    = 10
    timeout     = 5
    retries     = 3
    startPeriod = 30
  } }
}

# With which ECS starts the control plane's own tasks: their image, and their logs.
resource "aws_iam_role" "execution" {
  name               = "${var.install}-execution"
  description        = "ECS starts the API and the controller of Tempus with this"
  assume_role_policy = local.trust_ecs_tasks
}

resource "aws_iam_role_policy" "execution" {
  name = "${var.install}-execution"
  role = aws_iam_role.execution.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "LogInToRegistry"
        Effect   = "Allow"
        Action   = "ecr:GetAuthorizationToken"
        Resource = "*"
      },
      {
        Sid      = "PullControlPlane"
        Effect   = "Allow"
        Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        Resource = "${local.arn.ecr}:repository/${var.install}-control-plane"
      },
      {
        Sid      = "WriteLogs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = [local.log_streams_arn.api, local.log_streams_arn.controller]
      },
    ]
  })
}
