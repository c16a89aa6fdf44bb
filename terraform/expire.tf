# lambda/expire, once a minute: previews whose time is up are marked for deletion, whatever else is dead.

locals {
  lambda_zip = { for name in ["expire", "observe"] : name => "${path.module}/../dist/${name}.zip" }

  expire_environment = {
    TEMPUS_TABLE_PREVIEWS = local.tables.previews
    TEMPUS_LOG_LEVEL      = "info"
  }
}

resource "aws_cloudwatch_log_group" "expire" {
  name              = local.log_group.expire
  retention_in_days = var.log_retention_days
}

resource "aws_iam_role" "expire" {
  name               = "${var.install}-expire"
  description        = "Marks previews of Tempus whose time is up"
  assume_role_policy = local.trust_lambda
}

resource "aws_iam_role_policy" "expire" {
  name = "${var.install}-expire"
  role = aws_iam_role.expire.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "FindDueRecords"
        Effect   = "Allow"
        Action   = "dynamodb:Query"
        Resource = "${local.table_arn.previews}/index/live"
      },
      {
        Sid      = "MarkThem"
        Effect   = "Allow"
        Action   = "dynamodb:UpdateItem"
        Resource = local.table_arn.previews
      },
      {
        Sid      = "WriteLogs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = local.log_streams_arn.expire
      },
    ]
  })
}

resource "aws_lambda_function" "expire" {
  function_name    = "${var.install}-expire"
  description      = "Marks previews whose time is up"
  role             = aws_iam_role.expire.arn
  filename         = local.lambda_zip.expire
  source_code_hash = fileexists(local.lambda_zip.expire) ? filebase64sha256(local.lambda_zip.expire) : null
  handler          = "index.handler"
  runtime          = "nodejs24.x"
  architectures    = ["arm64"]
  memory_size      = 256
  timeout          = 50

  environment {
    variables = local.expire_environment
  }
  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.expire.name
  }

  lifecycle {
    precondition {
      condition     = fileexists(local.lambda_zip.expire)
      error_message = "dist/expire.zip is missing: run `make build` first."
    }
  }

  depends_on = [aws_iam_role_policy.expire]
}

# The next minute is the retry.
resource "aws_lambda_function_event_invoke_config" "expire" {
  function_name                = aws_lambda_function.expire.function_name
  maximum_retry_attempts       = 0
  maximum_event_age_in_seconds = 60
}

resource "aws_iam_role" "scheduler" {
  name        = "${var.install}-scheduler"
  description = "Starts the function that marks previews whose time is up"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "scheduler.amazonaws.com" }
      Condition = {
        StringEquals = {
          "aws:SourceAccount" = local.account
          "aws:SourceArn"     = "${local.arn.scheduler}:schedule-group/${var.install}"
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "scheduler" {
  name = "${var.install}-scheduler"
  role = aws_iam_role.scheduler.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "StartExpire"
      Effect   = "Allow"
      Action   = "lambda:InvokeFunction"
      Resource = "${local.arn.lambda}:function:${var.install}-expire"
    }]
  })
}

# Apart from the fuses' group, in which everything is a preview's.
resource "aws_scheduler_schedule_group" "expire" {
  name = var.install
}

resource "aws_scheduler_schedule" "expire" {
  name                = "${var.install}-expire"
  group_name          = aws_scheduler_schedule_group.expire.name
  description         = "Marks previews whose time is up"
  schedule_expression = "rate(1 minute)"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_lambda_function.expire.arn
    role_arn = aws_iam_role.scheduler.arn

    retry_policy {
      maximum_event_age_in_seconds = 60
      maximum_retry_attempts       = 1
    }
  }

  depends_on = [aws_iam_role_policy.scheduler]
}

locals {
  expire_alarms = {
    errors = {
      metric     = "Errors"
      namespace  = "AWS/Lambda"
      dimensions = { FunctionName = aws_lambda_function.expire.function_name }
      means      = "The function that ends previews has failed. See ${local.log_group.expire}."
    }
    schedule = {
      metric     = "TargetErrorCount"
      namespace  = "AWS/Scheduler"
      dimensions = { ScheduleGroup = aws_scheduler_schedule_group.expire.name }
      means      = "The schedule could not start the function that ends previews. See whether ${var.install}-scheduler may invoke ${var.install}-expire."
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "expire" {
  for_each = local.expire_alarms

  alarm_name          = "${var.install}-expire-${each.key}"
  alarm_description   = each.value.means
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
}

resource "aws_cloudwatch_metric_alarm" "expire_silent" {
  alarm_name          = "${var.install}-expire-silent"
  alarm_description   = "Nobody has looked for previews whose time is up for five minutes. See whether the schedule ${var.install}/${var.install}-expire is enabled."
  namespace           = "AWS/Lambda"
  metric_name         = "Invocations"
  dimensions          = { FunctionName = aws_lambda_function.expire.function_name }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 5
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions

  # An alarm for silence comes after what speaks, and goes before it: neither apply nor destroy is an incident.
  depends_on = [aws_scheduler_schedule.expire]
}
