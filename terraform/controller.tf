# The controller: the only part that may create, change and delete what a preview consists of. Its rights are beside it, in
# controller-rights.tf.

locals {
  # Where a client from anywhere is let in, the controller is too, and can ask a preview what its users ask.
  probe = contains(local.allowed_cidrs, local.everybody) ? "public" : "target"

  controller_albs = [for n, alb in local.albs : merge(
    {
      name                 = alb.name
      listener_arn         = aws_lb_listener.previews[n].arn
      probe_address        = "${aws_lb.previews[n].dns_name}:${local.listener_port}"
      scheme               = local.scheme
      primary              = local.with_domain ? "host" : "path"
      waiting_target_group = aws_lb_target_group.waiting[n].arn
      slots                = local.slots
    },
    { for key, value in { host_domain = alb.domain } : key => value if local.with_domain },
    { for key, value in { path_authority = aws_lb.previews[n].dns_name } : key => value if !local.with_domain },
  )]

  controller_environment = {
    AWS_REGION                = var.region
    TEMPUS_INSTALL            = var.install
    TEMPUS_TABLE_PREVIEWS     = local.tables.previews
    TEMPUS_TABLE_COORDINATION = local.tables.coordination
    TEMPUS_TABLE_EVENTS       = local.tables.events
    TEMPUS_CLUSTER            = var.install
    TEMPUS_VPC_ID             = local.vpc_id
    TEMPUS_SUBNETS            = join(",", local.task_subnets)
    TEMPUS_SECURITY_GROUPS    = aws_security_group.previews.id
    TEMPUS_ASSIGN_PUBLIC_IP   = tostring(local.public_tasks)
    TEMPUS_EXECUTION_ROLE_ARN = "${local.role_arn}/${var.install}-preview-execution"
    TEMPUS_LOG_GROUP          = local.log_group.previews
    TEMPUS_SCHEDULE_GROUP     = aws_scheduler_schedule_group.fuses.name
    TEMPUS_FUSE_ROLE_ARN      = "${local.role_arn}/${var.install}-fuse"
    TEMPUS_ALBS               = jsonencode(local.controller_albs)
    TEMPUS_PROBE              = local.probe
    TEMPUS_OBSERVE            = "true"
    TEMPUS_MAX_TTL_HOURS      = tostring(var.max_ttl_hours)
    TEMPUS_HEALTH_HOST        = "127.0.0.1"
    TEMPUS_HEALTH_PORT        = "9464"
    TEMPUS_LOG_LEVEL          = "info"
  }

  controller_container = merge(local.container, {
    name        = "controller"
    command     = ["/app/controller/main.js"]
    environment = [for name, value in local.controller_environment : { name = name, value = value }]
    healthCheck = local.health_check.controller
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = local.log_group.controller
        awslogs-region        = var.region
        awslogs-stream-prefix = "controller"
      }
    }
  })
}

resource "aws_cloudwatch_log_group" "controller" {
  name              = local.log_group.controller
  retention_in_days = var.log_retention_days
}

resource "aws_security_group" "controller" {
  name        = "${var.install}-controller"
  description = "The controller: nobody reaches it"
  vpc_id      = local.vpc_id
}

resource "aws_vpc_security_group_egress_rule" "controller" {
  # 443 for AWS; where it asks previews what their users ask, their load balancers' port.
  for_each = toset([for port in distinct(concat([443], local.probe == "public" ? [local.listener_port] : [])) : tostring(port)])

  security_group_id = aws_security_group.controller.id
  cidr_ipv4         = local.everybody
  ip_protocol       = "tcp"
  from_port         = tonumber(each.key)
  to_port           = tonumber(each.key)
}

resource "aws_ecs_task_definition" "controller" {
  family                   = "${var.install}-controller"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = "256"
  memory                   = "512"
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.controller.arn
  container_definitions    = jsonencode([local.controller_container])

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = "ARM64"
  }

  lifecycle {
    # See the API's.
    create_before_destroy = true
  }
}

resource "aws_ecs_service" "controller" {
  name                  = "${var.install}-controller"
  cluster               = aws_ecs_cluster.tempus.arn
  task_definition       = aws_ecs_task_definition.controller.arn
  launch_type           = "FARGATE"
  desired_count         = var.standby ? 2 : 1
  propagate_tags        = "SERVICE"
  wait_for_steady_state = true

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = local.task_subnets
    security_groups  = [aws_security_group.controller.id]
    assign_public_ip = local.public_tasks
  }

  lifecycle {
    # See the API's.
    postcondition {
      condition     = self.task_definition == aws_ecs_task_definition.controller.arn
      error_message = "The new controller did not become healthy, and ECS went back to the one before. See the events of the ECS service ${var.install}-controller, then ${local.log_group.controller}, put right what is wrong, and apply again."
    }
  }

  timeouts {
    create = "15m"
    update = "15m"
  }

  depends_on = [
    aws_ecs_cluster_capacity_providers.tempus,
    aws_iam_role_policy.execution,
    aws_iam_role_policy.controller,
    aws_iam_role_policy.preview_execution,
    aws_iam_role_policy.fuse,
    aws_cloudwatch_log_group.controller,
    aws_cloudwatch_log_group.previews,
    aws_dynamodb_table.previews,
    aws_dynamodb_table.coordination,
    aws_dynamodb_table.events,
    aws_vpc_security_group_egress_rule.controller,
  ]
}

# Prometheus metrics reach nobody on Fargate: the leader also writes its vitals into its log, where CloudWatch counts them.
locals {
  vitals = {
    LeaderReports    = "1"
    OverdueSeconds   = "$.overdue_s"
    StreamLagSeconds = "$.stream_lag_s"
    OrphansFound     = "$.orphans"
    SweepAgeSeconds  = "$.sweep_age_s"
    SweepBreakerOpen = "$.breaker"
    Previews         = "$.previews"
  }

  vitals_alarms = {
    overdue = {
      metric    = "OverdueSeconds"
      threshold = 300
      minutes   = 5
      means     = "A preview has outlived its time by more than five minutes. See what its Ready condition says, and the log of ${var.install}-expire."
    }
    breaker = {
      metric    = "SweepBreakerOpen"
      threshold = 0
      minutes   = 5
      means     = "The orphan sweep has stopped, because it would have taken too many previews at once. Look at `tempus gc`, then let it go on with `tempus gc --yes --max N`."
    }
    orphans = {
      metric    = "OrphansFound"
      threshold = 0
      minutes   = 30
      means     = "Resources without a record have stood for half an hour. `tempus gc` tells which, and what holds them."
    }
    sweep = {
      metric    = "SweepAgeSeconds"
      threshold = 900
      minutes   = 5
      means     = "No sweep has got through for a quarter of an hour, so nobody knows of orphans. See `sweep aborted` in ${local.log_group.controller}: mostly a right is missing."
    }
    stream-lag = {
      metric    = "StreamLagSeconds"
      threshold = 60
      minutes   = 5
      means     = "The controller reads changes with more than a minute's delay. See its log for throttling."
    }
  }
}

resource "aws_cloudwatch_log_metric_filter" "vitals" {
  for_each = local.vitals

  name           = "${var.install}-${each.key}"
  log_group_name = aws_cloudwatch_log_group.controller.name
  pattern        = "{ $.msg = \"reported vitals\" }"

  metric_transformation {
    namespace = local.metrics_namespace
    name      = each.key
    value     = each.value
  }
}

resource "aws_cloudwatch_metric_alarm" "vitals" {
  for_each = local.vitals_alarms

  alarm_name          = "${var.install}-${each.key}"
  alarm_description   = each.value.means
  namespace           = local.metrics_namespace
  metric_name         = each.value.metric
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = each.value.minutes
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  # No report is the leader's silence, which has an alarm of its own.
  treat_missing_data = "notBreaching"
  alarm_actions      = var.alarm_actions
  ok_actions         = var.alarm_actions
}

resource "aws_cloudwatch_metric_alarm" "leader_silent" {
  alarm_name          = "${var.install}-leader-silent"
  alarm_description   = "No controller has led for five minutes: previews still expire, stopped by their fuses, but nothing else happens. See the events of the ECS service ${var.install}-controller, then ${local.log_group.controller}."
  namespace           = local.metrics_namespace
  metric_name         = "LeaderReports"
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 5
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions

  # See expire_silent.
  depends_on = [aws_ecs_service.controller]
}
