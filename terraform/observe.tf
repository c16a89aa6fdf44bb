# lambda/observe: what ECS says of a preview's deployments and tasks wakes the controller, which then need not ask.

locals {
  observe_environment = {
    TEMPUS_TABLE_PREVIEWS = local.tables.previews
    TEMPUS_CLUSTER        = var.install
    TEMPUS_LOG_LEVEL      = "info"
  }
}

resource "aws_cloudwatch_log_group" "observe" {
  name              = local.log_group.observe
  retention_in_days = var.log_retention_days
}

resource "aws_iam_role" "observe" {
  name               = "${var.install}-observe"
  description        = "Marks previews of Tempus that ECS has news of"
  assume_role_policy = local.trust_lambda
}

resource "aws_iam_role_policy" "observe" {
  name = "${var.install}-observe"
  role = aws_iam_role.observe.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "MarkRecords"
        Effect   = "Allow"
        Action   = "dynamodb:UpdateItem"
        Resource = local.table_arn.previews
      },
      {
        Sid      = "WriteLogs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = local.log_streams_arn.observe
      },
    ]
  })
}

resource "aws_lambda_function" "observe" {
  function_name    = "${var.install}-observe"
  description      = "Marks previews that ECS has news of"
  role             = aws_iam_role.observe.arn
  filename         = local.lambda_zip.observe
  source_code_hash = fileexists(local.lambda_zip.observe) ? filebase64sha256(local.lambda_zip.observe) : null
  handler          = "index.handler"
  runtime          = "nodejs24.x"
  architectures    = ["arm64"]
  memory_size      = 256
  timeout          = 15

  environment {
    variables = local.observe_environment
  }
  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.observe.name
  }

  lifecycle {
    precondition {
      condition     = fileexists(local.lambda_zip.observe)
      error_message = "dist/observe.zip is missing: run `make build` first."
    }
  }

  depends_on = [aws_iam_role_policy.observe]
}

# Only a hurry: what no event tells, the controller finds by itself within 30 s.
resource "aws_lambda_function_event_invoke_config" "observe" {
  function_name                = aws_lambda_function.observe.function_name
  maximum_retry_attempts       = 1
  maximum_event_age_in_seconds = 120
}

resource "aws_cloudwatch_event_rule" "observe" {
  name        = "${var.install}-observe"
  description = "Deployments and tasks of previews"
  # As lambda/observe.ts says it. Deployment events carry no cluster, so services are matched by their ARN.
  event_pattern = jsonencode({
    source = ["aws.ecs"]
    "$or" = [
      {
        detail-type = ["ECS Deployment State Change", "ECS Service Action"]
        resources   = [{ prefix = "${local.arn.ecs}:service/${var.install}/tempus-" }]
        detail = {
          eventName = [
            "SERVICE_DEPLOYMENT_COMPLETED",
            "SERVICE_DEPLOYMENT_FAILED",
            "SERVICE_TASK_PLACEMENT_FAILURE",
          ]
        }
      },
      {
        detail-type = ["ECS Task State Change"]
        detail = {
          clusterArn = [local.cluster_arn]
          group      = [{ prefix = "service:tempus-" }]
          lastStatus = ["STOPPED"]
        }
      },
    ]
  })
}

resource "aws_cloudwatch_event_target" "observe" {
  rule      = aws_cloudwatch_event_rule.observe.name
  target_id = "observe"
  arn       = aws_lambda_function.observe.arn

  retry_policy {
    maximum_event_age_in_seconds = 120
    maximum_retry_attempts       = 2
  }
}

resource "aws_lambda_permission" "observe" {
  function_name  = aws_lambda_function.observe.function_name
  action         = "lambda:InvokeFunction"
  principal      = "events.amazonaws.com"
  source_arn     = aws_cloudwatch_event_rule.observe.arn
  source_account = local.account
}

resource "aws_cloudwatch_metric_alarm" "observe" {
  alarm_name          = "${var.install}-observe-errors"
  alarm_description   = "Events of ECS do not reach the records; previews become Ready up to 30 s later. See ${local.log_group.observe}."
  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  dimensions          = { FunctionName = aws_lambda_function.observe.function_name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
}
