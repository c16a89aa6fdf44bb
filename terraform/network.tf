data "aws_vpc" "default" {
  count   = var.vpc_id == null ? 1 : 0
  default = true
}

# Fargate has no ARM64 in use1-az3, nothing in the two others (ECS developer guide, "Supported Regions for Amazon ECS on AWS
# Fargate"), and nothing in local zones.
data "aws_availability_zones" "usable" {
  count            = var.vpc_id == null ? 1 : 0
  exclude_zone_ids = ["use1-az3", "usw1-az2", "apne1-az3"]

  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

data "aws_subnets" "default" {
  count = var.vpc_id == null ? 1 : 0

  filter {
    name   = "vpc-id"
    values = [data.aws_vpc.default[0].id]
  }
  filter {
    name   = "default-for-az"
    values = ["true"]
  }
  filter {
    name   = "availability-zone-id"
    values = data.aws_availability_zones.usable[0].zone_ids
  }

  lifecycle {
    postcondition {
      condition     = length(self.ids) >= 2
      error_message = "The default VPC has default subnets in fewer than two availability zones: set vpc_id and public_subnet_ids."
    }
  }
}

data "aws_subnet" "public" {
  for_each = toset(length(var.private_subnet_ids) > 0 ? var.public_subnet_ids : [])
  id       = each.key
}

data "aws_subnet" "private" {
  for_each = toset(var.private_subnet_ids)
  id       = each.key

  lifecycle {
    # A load balancer sends nothing into a zone that it is not in: targets there are never used, and nobody says why.
    postcondition {
      condition     = contains([for subnet in data.aws_subnet.public : subnet.availability_zone_id], self.availability_zone_id)
      error_message = "private_subnet_ids has ${self.id} in ${self.availability_zone}, where public_subnet_ids has none, so that no load balancer could reach a task there: add a public subnet of that zone, or leave this one out."
    }
  }
}

locals {
  vpc_id = var.vpc_id == null ? data.aws_vpc.default[0].id : var.vpc_id

  # Two of the default VPC's zones: a load balancer pays for a public address in each zone that it is in.
  public_subnets = var.vpc_id == null ? slice(sort(data.aws_subnets.default[0].ids), 0, 2) : var.public_subnet_ids
  task_subnets   = length(var.private_subnet_ids) > 0 ? var.private_subnet_ids : local.public_subnets
  # In a public subnet a task without a public address could not even pull its image.
  public_tasks = length(var.private_subnet_ids) == 0

  with_domain   = var.domain != null
  scheme        = local.with_domain ? "https" : "http"
  listener_port = local.with_domain ? 443 : 80
  everybody     = "0.0.0.0/0"
  allowed_cidrs = toset(coalesce(var.allowed_cidrs, [local.everybody]))
  client_ports  = local.with_domain ? [80, 443] : [80]

  # Each port for each range: whoever may reach a load balancer.
  client_rules = {
    for pair in setproduct(local.client_ports, local.allowed_cidrs) :
    "${pair[0]} from ${pair[1]}" => { port = pair[0], cidr = pair[1] }
  }
}
