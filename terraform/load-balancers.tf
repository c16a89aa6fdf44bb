# The previews' load balancers. Terraform makes the listener and the fixed rules; the rules and target groups of previews
# are the controller's, and Terraform knows nothing of them.

locals {
  albs = { for n in range(1, var.alb_count + 1) : tostring(n) => {
    name = "${var.install}-previews-${n}"
    # One wildcard certificate covers one level: the first load balancer has the domain, each further one a shard of it.
    domain = local.with_domain ? (n == 1 ? var.domain : "s${n}.${var.domain}") : null
  } }

  # Of 100 target groups and 100 rules, AWS's limit for a load balancer, three at most are Terraform's. The others are
  # left to what people add by hand.
  slots = 95

  # Host rules have priorities from 1 on, path rules from 10,001: see reconcilers/plan-endpoint.ts. On a host of its own
  # a preview may use any path, so robots.txt has to be asked for first; the controller passes over the slot that it
  # finds taken. The other fixed rules collide with no preview's and stand between the two ranges.
  priority = {
    robots       = local.with_domain ? 1 : 9001
    waiting_room = 9002
    api          = 9003
  }
}

resource "aws_lb" "previews" {
  for_each = local.albs

  name                       = each.value.name
  load_balancer_type         = "application"
  subnets                    = local.public_subnets
  security_groups            = [aws_security_group.previews_alb.id]
  drop_invalid_header_fields = true
}

# From no domain to one it is modified, so that the rules of previews stay; from a domain to none it has to be replaced, see
# docs/aws.md: the provider sends the security policy along, which ELB refuses for HTTP (hashicorp/terraform-provider-aws#1851).
resource "aws_lb_listener" "previews" {
  for_each = local.albs

  load_balancer_arn = aws_lb.previews[each.key].arn
  port              = local.listener_port
  protocol          = upper(local.scheme)
  certificate_arn   = local.with_domain ? aws_acm_certificate_validation.domain[0].certificate_arn : null
  ssl_policy        = local.with_domain ? "ELBSecurityPolicy-TLS13-1-2-Res-2021-06" : null

  default_action {
    type = "fixed-response"
    fixed_response {
      status_code  = "404"
      content_type = "text/plain"
      message_body = "No preview lives at this address.\n"
    }
  }
}

resource "aws_lb_listener" "previews_redirect" {
  for_each = local.with_domain ? local.albs : {}

  load_balancer_arn = aws_lb.previews[each.key].arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type = "redirect"
    redirect {
      status_code = "HTTP_301"
      protocol    = "HTTPS"
      port        = "443"
    }
  }

  # Without a domain the previews' listener has port 80, and of two on one port ELB refuses the second: this one comes after
  # that has left, and goes before that comes back.
  depends_on = [aws_lb_listener.previews]
}

# Previews come and go: no search engine shall remember one.
resource "aws_lb_listener_rule" "robots" {
  for_each = local.albs

  listener_arn = aws_lb_listener.previews[each.key].arn
  priority     = local.priority.robots

  condition {
    path_pattern {
      values = ["/robots.txt"]
    }
  }
  action {
    type = "fixed-response"
    fixed_response {
      status_code  = "200"
      content_type = "text/plain"
      message_body = "User-agent: *\nDisallow: /\n"
    }
  }
}

# Where the rules of a preview lead until it is Ready. The API's tasks answer here, on a port that knows nothing of the API.
resource "aws_lb_target_group" "waiting" {
  for_each = local.albs

  name                 = "${var.install}-waiting-${each.key}"
  target_type          = "ip"
  protocol             = "HTTP"
  port                 = local.waiting_port
  vpc_id               = local.vpc_id
  deregistration_delay = 10

  health_check {
    path                = "/.tempus/waiting-room"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 2
    matcher             = "200"
  }
}

# ECS takes no service whose target group no rule uses, and while there is no preview nothing else uses this one.
resource "aws_lb_listener_rule" "waiting_room" {
  for_each = local.albs

  listener_arn = aws_lb_listener.previews[each.key].arn
  priority     = local.priority.waiting_room

  condition {
    path_pattern {
      values = ["/.tempus/waiting-room"]
    }
  }
  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.waiting[each.key].arn
  }
}

resource "aws_security_group" "previews_alb" {
  name        = "${var.install}-previews-alb"
  description = "Load balancers of previews"
  vpc_id      = local.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "previews_alb" {
  for_each = local.client_rules

  security_group_id = aws_security_group.previews_alb.id
  cidr_ipv4         = each.value.cidr
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
}

resource "aws_vpc_security_group_egress_rule" "previews_alb_to_previews" {
  security_group_id            = aws_security_group.previews_alb.id
  referenced_security_group_id = aws_security_group.previews.id
  ip_protocol                  = "tcp"
  from_port                    = 1
  to_port                      = 65535
}

resource "aws_vpc_security_group_egress_rule" "previews_alb_to_waiting_room" {
  security_group_id            = aws_security_group.previews_alb.id
  referenced_security_group_id = aws_security_group.api.id
  ip_protocol                  = "tcp"
  from_port                    = local.waiting_port
  to_port                      = local.waiting_port
}
