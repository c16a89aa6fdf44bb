locals {
  # Each chart: a title, how its points are counted, and what they are.
  charts = [
    {
      title   = "Previews that exist"
      stat    = "Maximum"
      metrics = [[local.metrics_namespace, "Previews"]]
    },
    {
      title   = "By how much the worst has outlived its time, and delay in reading changes (s)"
      stat    = "Maximum"
      metrics = [[local.metrics_namespace, "OverdueSeconds"], [local.metrics_namespace, "StreamLagSeconds"]]
    },
    {
      title   = "Orphans, and the sweep's breaker"
      stat    = "Maximum"
      metrics = [[local.metrics_namespace, "OrphansFound"], [local.metrics_namespace, "SweepBreakerOpen"]]
    },
    {
      title   = "Reports of a leader"
      stat    = "Sum"
      metrics = [[local.metrics_namespace, "LeaderReports"]]
    },
    {
      title = "Functions that failed, and schedules that could not act"
      stat  = "Sum"
      metrics = [
        ["AWS/Lambda", "Errors", "FunctionName", aws_lambda_function.expire.function_name],
        ["AWS/Lambda", "Errors", "FunctionName", aws_lambda_function.observe.function_name],
        ["AWS/Scheduler", "TargetErrorCount", "ScheduleGroup", aws_scheduler_schedule_group.expire.name],
        ["AWS/Scheduler", "TargetErrorCount", "ScheduleGroup", aws_scheduler_schedule_group.fuses.name],
      ]
    },
    {
      title = "Answers of the API"
      stat  = "Sum"
      metrics = [for code in ["2XX", "4XX", "5XX"] : [
        "AWS/ApplicationELB", "HTTPCode_Target_${code}_Count",
        "TargetGroup", aws_lb_target_group.api.arn_suffix,
        "LoadBalancer", local.api_target_group_dimensions.LoadBalancer,
      ]]
    },
    {
      title = "Requests to previews"
      stat  = "Sum"
      metrics = [for alb in aws_lb.previews : [
        "AWS/ApplicationELB", "RequestCount", "LoadBalancer", alb.arn_suffix,
      ]]
    },
    {
      title = "Processor of the control plane (%)"
      stat  = "Maximum"
      metrics = [for part in ["api", "controller"] : [
        "AWS/ECS", "CPUUtilization", "ClusterName", var.install, "ServiceName", "${var.install}-${part}",
      ]]
    },
  ]
}

resource "aws_cloudwatch_dashboard" "tempus" {
  dashboard_name = var.install
  dashboard_body = jsonencode({
    widgets = [for at, chart in local.charts : {
      type   = "metric"
      x      = 12 * (at % 2)
      y      = 6 * floor(at / 2)
      width  = 12
      height = 6
      properties = {
        title   = chart.title
        stat    = chart.stat
        metrics = chart.metrics
        region  = var.region
        period  = 60
        view    = "timeSeries"
      }
    }]
  })
}
