# The API. Without a domain it has a load balancer of its own: a path under the previews' name would be one origin with
# every preview. With a domain another host name on the previews' first load balancer is another origin, and costs nothing.

locals {
  api_port     = 4000
  waiting_port = 4001

  api_name = local.with_domain ? var.api_domain : aws_lb.api[0].dns_name

  # Previews of several load balancers have addresses that only their slot decides; the API then tells them from there.
  preview_routing = var.alb_count > 1 ? {} : {
    for name, value in {
      TEMPUS_HOST_DOMAIN    = var.domain
      TEMPUS_PATH_AUTHORITY = local.with_domain ? null : aws_lb.previews["1"].dns_name
    } : name => value if local.with_domain == (name == "TEMPUS_HOST_DOMAIN")
  }

  api_environment = merge(local.preview_routing, {
    AWS_REGION                = var.region
    TEMPUS_TABLE_PREVIEWS     = local.tables.previews
    TEMPUS_TABLE_COORDINATION = local.tables.coordination
    TEMPUS_TABLE_EVENTS       = local.tables.events
    TEMPUS_LOG_GROUP          = local.log_group.previews
    TEMPUS_DEFAULT_IMAGE      = var.default_image
    TEMPUS_DEFAULT_ARCH       = var.default_arch
    TEMPUS_DEFAULT_CAPACITY   = var.default_capacity
    TEMPUS_SCHEME             = local.scheme
    TEMPUS_ROUTING            = local.with_domain ? "host" : "path"
    TEMPUS_HOST               = "0.0.0.0"
    TEMPUS_API_PORT           = tostring(local.api_port)
    TEMPUS_API_HOSTS          = local.api_name
    TEMPUS_AUTH               = "token"
    TEMPUS_WAITING_PORT       = tostring(local.waiting_port)
    TEMPUS_WAITING_LOGS       = "false"
    TEMPUS_MIN_TTL_SECONDS    = "300"
    TEMPUS_MAX_TTL_HOURS      = tostring(var.max_ttl_hours)
    TEMPUS_LOG_LEVEL          = "info"
  })

  api_container = merge(local.container, {
    name        = "api"
    command     = ["/app/api/main.js"]
    environment = [for name, value in local.api_environment : { name = name, value = value }]
    healthCheck = local.health_check.api
    portMappings = [
      { containerPort = local.api_port, hostPort = local.api_port, protocol = "tcp" },
      { containerPort = local.waiting_port, hostPort = local.waiting_port, protocol = "tcp" },
    ]
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = local.log_group.api
        awslogs-region        = var.region
        awslogs-stream-prefix = "api"
      }
    }
  })

  # Every target group that an API task stands in.
  api_target_groups = merge(
    { api = { arn = aws_lb_target_group.api.arn, port = local.api_port } },
    { for n, group in aws_lb_target_group.waiting : "waiting-${n}" => { arn = group.arn, port = local.waiting_port } },
  )
}

resource "aws_cloudwatch_log_group" "api" {
  name              = local.log_group.api
  retention_in_days = var.log_retention_days
}

resource "aws_iam_role" "api" {
  name               = "${var.install}-api"
  description        = "The API of Tempus: writes records and reads logs, and has no right to ECS or load balancers"
  assume_role_policy = local.trust_ecs_tasks
}

resource "aws_iam_role_policy" "api" {
  name = "${var.install}-api"
  role = aws_iam_role.api.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Records"
        Effect   = "Allow"
        Action   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
        Resource = local.table_arn.previews
      },
      {
        Sid      = "ListRecords"
        Effect   = "Allow"
        Action   = "dynamodb:Query"
        Resource = "${local.table_arn.previews}/index/live"
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
        Action   = "dynamodb:Query"
        Resource = local.table_arn.events
      },
      {
        Sid      = "LogsOfPreviews"
        Effect   = "Allow"
        Action   = "logs:FilterLogEvents"
        Resource = local.log_streams_arn.previews
      },
    ]
  })
}

resource "aws_lb" "api" {
  count = local.with_domain ? 0 : 1

  name                       = "${var.install}-api"
  load_balancer_type         = "application"
  subnets                    = local.public_subnets
  security_groups            = [aws_security_group.api_alb[0].id]
  drop_invalid_header_fields = true
}

resource "aws_lb_listener" "api" {
  count = local.with_domain ? 0 : 1

  load_balancer_arn = aws_lb.api[0].arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.api.arn
  }
}

resource "aws_lb_listener_rule" "api" {
  count = local.with_domain ? 1 : 0

  listener_arn = aws_lb_listener.previews["1"].arn
  priority     = local.priority.api

  condition {
    host_header {
      values = [var.api_domain]
    }
  }
  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.api.arn
  }
}

resource "aws_lb_target_group" "api" {
  # A target group is of one load balancer (TargetGroupAssociationLimit), and the domain decides of which: on the way to
  # the other there are two, until the service has moved.
  name                 = "${var.install}-api${local.with_domain ? "-tls" : ""}"
  target_type          = "ip"
  protocol             = "HTTP"
  port                 = local.api_port
  vpc_id               = local.vpc_id
  deregistration_delay = 10

  health_check {
    path                = "/health"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 2
    matcher             = "200"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_security_group" "api_alb" {
  count = local.with_domain ? 0 : 1

  name        = "${var.install}-api-alb"
  description = "Load balancer of the API"
  vpc_id      = local.vpc_id

  lifecycle {
    # Goes only after the rule of the API's tasks that names it has another: EC2 deletes no group that a rule refers to.
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "api_alb" {
  for_each = local.with_domain ? {} : local.client_rules

  security_group_id = aws_security_group.api_alb[0].id
  cidr_ipv4         = each.value.cidr
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
}

resource "aws_vpc_security_group_egress_rule" "api_alb" {
  security_group_id            = local.with_domain ? aws_security_group.previews_alb.id : aws_security_group.api_alb[0].id
  referenced_security_group_id = aws_security_group.api.id
  ip_protocol                  = "tcp"
  from_port                    = local.api_port
  to_port                      = local.api_port
}

resource "aws_security_group" "api" {
  name        = "${var.install}-api"
  description = "Tasks of the API: reached from load balancers alone"
  vpc_id      = local.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "api" {
  security_group_id            = aws_security_group.api.id
  referenced_security_group_id = local.with_domain ? aws_security_group.previews_alb.id : aws_security_group.api_alb[0].id
  ip_protocol                  = "tcp"
  from_port                    = local.api_port
  to_port                      = local.api_port
}

resource "aws_vpc_security_group_ingress_rule" "waiting_room" {
  security_group_id            = aws_security_group.api.id
  referenced_security_group_id = aws_security_group.previews_alb.id
  ip_protocol                  = "tcp"
  from_port                    = local.waiting_port
  to_port                      = local.waiting_port
}

resource "aws_vpc_security_group_egress_rule" "api" {
  security_group_id = aws_security_group.api.id
  description       = "AWS, and the registry of the image"
  cidr_ipv4         = local.everybody
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_ecs_task_definition" "api" {
  family                   = "${var.install}-api"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = "256"
  memory                   = "512"
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.api.arn
  container_definitions    = jsonencode([local.api_container])

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = "ARM64"
  }

  lifecycle {
    # The service moves first, and the old revision is deregistered after: ECS could not go back to one that is INACTIVE.
    create_before_destroy = true
  }
}

resource "aws_ecs_service" "api" {
  name                              = "${var.install}-api"
  cluster                           = aws_ecs_cluster.tempus.arn
  task_definition                   = aws_ecs_task_definition.api.arn
  launch_type                       = "FARGATE"
  desired_count                     = 1
  health_check_grace_period_seconds = 60
  propagate_tags                    = "SERVICE"
  wait_for_steady_state             = true

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = local.task_subnets
    security_groups  = [aws_security_group.api.id]
    assign_public_ip = local.public_tasks
  }

  dynamic "load_balancer" {
    for_each = local.api_target_groups
    content {
      target_group_arn = load_balancer.value.arn
      container_name   = local.api_container.name
      container_port   = load_balancer.value.port
    }
  }

  lifecycle {
    # A deployment that ECS has taken back is as steady as one that went well, and Terraform would call it done:
    # hashicorp/terraform-provider-aws#20858.
    postcondition {
      condition     = self.task_definition == aws_ecs_task_definition.api.arn
      error_message = "The new API did not become healthy, and ECS went back to the one before. See the events of the ECS service ${var.install}-api, then ${local.log_group.api}, put right what is wrong, and apply again."
    }
  }

  timeouts {
    create = "15m"
    update = "15m"
  }

  # Until a listener uses them, ECS refuses target groups; until it may pull and log, tasks fail.
  depends_on = [
    aws_lb_listener.api,
    aws_lb_listener_rule.api,
    aws_lb_listener_rule.waiting_room,
    aws_iam_role_policy.execution,
    aws_iam_role_policy.api,
    aws_cloudwatch_log_group.api,
    aws_vpc_security_group_egress_rule.api,
  ]
}

locals {
  api_target_group_dimensions = {
    TargetGroup  = aws_lb_target_group.api.arn_suffix
    LoadBalancer = local.with_domain ? aws_lb.previews["1"].arn_suffix : aws_lb.api[0].arn_suffix
  }
}

resource "aws_cloudwatch_metric_alarm" "api_errors" {
  alarm_name          = "${var.install}-api-5xx"
  alarm_description   = "The API answered with server errors. See ${local.log_group.api}, where each is with its request's id."
  namespace           = "AWS/ApplicationELB"
  metric_name         = "HTTPCode_Target_5XX_Count"
  dimensions          = local.api_target_group_dimensions
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
}

resource "aws_cloudwatch_metric_alarm" "api_down" {
  alarm_name          = "${var.install}-api-down"
  alarm_description   = "No task of the API is healthy. See the events of the ECS service ${var.install}-api, then ${local.log_group.api}."
  namespace           = "AWS/ApplicationELB"
  metric_name         = "HealthyHostCount"
  dimensions          = local.api_target_group_dimensions
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions

  # See expire_silent.
  depends_on = [aws_ecs_service.api]
}
