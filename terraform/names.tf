data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition

  # ARNs are put together from names, so that a plan shows every policy in full before anything exists.
  arn = {
    for service in ["dynamodb", "ec2", "ecs", "ecr", "elasticloadbalancing", "lambda", "logs", "scheduler"] :
    service => "arn:${local.partition}:${service}:${var.region}:${local.account}"
  }
  role_arn = "arn:${local.partition}:iam::${local.account}:role"

  tables = {
    previews     = "${var.install}-previews"
    coordination = "${var.install}-coordination"
    events       = "${var.install}-events"
  }
  table_arn = { for key, name in local.tables : key => "${local.arn.dynamodb}:table/${name}" }

  cluster_arn = "${local.arn.ecs}:cluster/${var.install}"
  # tempus- and eight hex digits, whatever the install is called. Eight question marks leave out the control plane's own
  # services, which an install named tempus has in the same cluster.
  preview_service_arn         = "${local.arn.ecs}:service/${var.install}/tempus-????????"
  preview_task_definition_arn = "${local.arn.ecs}:task-definition/tempus-????????:*"
  preview_target_group_arn    = "${local.arn.elasticloadbalancing}:targetgroup/tempus-*/*"
  # The tag by which everything the controller makes is told from everything else: see preview/names.ts.
  own_tag = "tempus:install"

  log_group = {
    previews   = "/tempus/${var.install}/previews"
    api        = "/tempus/${var.install}/api"
    controller = "/tempus/${var.install}/controller"
    expire     = "/aws/lambda/${var.install}-expire"
    observe    = "/aws/lambda/${var.install}-observe"
  }
  log_streams_arn = { for part, name in local.log_group : part => "${local.arn.logs}:log-group:${name}:*" }

  metrics_namespace = "Tempus/${var.install}"
}
