# What every preview's task has: a log group, a role with which ECS starts it, and walls. It has no task role, so that
# there are no credentials at the metadata address for it.

resource "aws_cloudwatch_log_group" "previews" {
  name              = local.log_group.previews
  retention_in_days = var.log_retention_days
}

resource "aws_iam_role" "preview_execution" {
  name               = "${var.install}-preview-execution"
  description        = "ECS starts previews with this; the previews themselves have no role"
  assume_role_policy = local.trust_ecs_tasks
}

resource "aws_iam_role_policy" "preview_execution" {
  name = "${var.install}-preview-execution"
  role = aws_iam_role.preview_execution.name
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
        # A team's images are in repositories of its own, which nobody can list here.
        Sid      = "PullAnyImageOfTheAccount"
        Effect   = "Allow"
        Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        Resource = "${local.arn.ecr}:repository/*"
      },
      {
        Sid      = "WriteLogs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = local.log_streams_arn.previews
      },
    ]
  })
}

resource "aws_security_group" "previews" {
  name        = "${var.install}-previews"
  description = "Tasks of previews: reached from their load balancers alone"
  vpc_id      = local.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "previews" {
  security_group_id            = aws_security_group.previews.id
  description                  = "Whichever port a preview listens on"
  referenced_security_group_id = aws_security_group.previews_alb.id
  ip_protocol                  = "tcp"
  from_port                    = 1
  to_port                      = 65535
}

resource "aws_vpc_security_group_egress_rule" "previews" {
  security_group_id = aws_security_group.previews.id
  description       = "Images, and whatever an application needs of the internet"
  cidr_ipv4         = local.everybody
  ip_protocol       = "-1"
}
