# The fuse of each preview: a one-time schedule that sets its service's count to 0 when every part of Tempus is dead. The
# controller makes the schedules; here are the group that makes them ours, and the role that they act with.

resource "aws_scheduler_schedule_group" "fuses" {
  name = "${var.install}-fuses"
}

resource "aws_iam_role" "fuse" {
  name        = "${var.install}-fuse"
  description = "Stops previews of Tempus that outlived their time"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "scheduler.amazonaws.com" }
      Condition = {
        StringEquals = {
          "aws:SourceAccount" = local.account
          # Of the group: AWS gives the group's ARN here, not the schedule's.
          "aws:SourceArn" = "${local.arn.scheduler}:schedule-group/${var.install}-fuses"
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "fuse" {
  name = "${var.install}-fuse"
  role = aws_iam_role.fuse.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "StopPreviews"
      Effect   = "Allow"
      Action   = "ecs:UpdateService"
      Resource = local.preview_service_arn
      Condition = {
        StringEquals = { "aws:ResourceTag/${local.own_tag}" = var.install }
        ArnEquals    = { "ecs:cluster" = local.cluster_arn }
        # The controller writes what the fuse sends.
        ArnLikeIfExists = { "ecs:task-definition" = local.preview_task_definition_arn }
      }
    }]
  })
}

resource "aws_cloudwatch_metric_alarm" "fuse" {
  alarm_name          = "${var.install}-fuse-errors"
  alarm_description   = "A fuse went off and could not stop its preview. See whether the preview still runs, and why ${var.install}-fuse may not stop it."
  namespace           = "AWS/Scheduler"
  metric_name         = "TargetErrorCount"
  dimensions          = { ScheduleGroup = aws_scheduler_schedule_group.fuses.name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
}
