output "install" {
  description = "Name of this install."
  value       = var.install
}

output "region" {
  description = "AWS region of this install."
  value       = var.region
}

output "api_name" {
  description = "Host under which the API answers."
  value       = local.api_name
}

output "api_url" {
  description = "Where the API is, for TEMPUS_SERVER."
  value       = "${local.scheme}://${local.api_name}"
}

output "preview_url_pattern" {
  description = "What the addresses of previews look like; with several load balancers, those of the first."
  value = (local.with_domain
    ? "https://preview-<id>.${var.domain}/"
    : "http://${aws_lb.previews["1"].dns_name}/preview-<id>/"
  )
}

output "tables" {
  description = "DynamoDB tables, by what they hold."
  value       = local.tables
}

output "cluster" {
  description = "ECS cluster of previews and control plane."
  value       = aws_ecs_cluster.tempus.name
}

output "alb_names" {
  description = "Load balancers that carry previews."
  value       = [for alb in aws_lb.previews : alb.name]
}

output "schedule_group" {
  description = "EventBridge Scheduler group of the fuses."
  value       = aws_scheduler_schedule_group.fuses.name
}

output "log_groups" {
  description = "CloudWatch log groups, by part."
  value       = local.log_group
}

output "dashboard_url" {
  description = "CloudWatch dashboard of this install."
  value       = "https://${var.region}.console.aws.amazon.com/cloudwatch/home?region=${var.region}#dashboards/dashboard/${aws_cloudwatch_dashboard.tempus.dashboard_name}"
}

output "containers" {
  description = "What the tasks of the control plane run, and what they are told. There are no secrets in it."
  value       = { api = local.api_container, controller = local.controller_container }
}
