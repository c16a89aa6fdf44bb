# With a domain: one certificate for every load balancer's wildcard and for the API, proved in the zone, and the names.

data "aws_route53_zone" "given" {
  count   = local.with_domain ? 1 : 0
  zone_id = var.zone_id

  lifecycle {
    # The provider would write such names below the zone's own, and the certificate would wait in vain for its proof.
    postcondition {
      condition     = alltrue([for name in [var.domain, var.api_domain] : endswith(".${name}", ".${trimsuffix(self.name, ".")}")])
      error_message = "zone_id is the zone of ${self.name}, which cannot hold ${var.domain} and ${var.api_domain}: give the zone that both end in, or change domain and api_domain."
    }
    postcondition {
      condition     = self.private_zone != true
      error_message = "zone_id is a private zone, in which nobody can prove a certificate: give the public zone of ${var.domain}."
    }
  }
}

locals {
  wildcards = { for n, alb in local.albs : n => "*.${alb.domain}" if local.with_domain }
}

resource "aws_acm_certificate" "domain" {
  count = local.with_domain ? 1 : 0

  domain_name               = "*.${var.domain}"
  subject_alternative_names = concat([for n, name in local.wildcards : name if n != "1"], [var.api_domain])
  validation_method         = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "proof" {
  for_each = local.with_domain ? toset(concat(values(local.wildcards), [var.api_domain])) : toset([])

  zone_id = var.zone_id
  name    = one([for option in aws_acm_certificate.domain[0].domain_validation_options : option.resource_record_name if option.domain_name == each.key])
  type    = one([for option in aws_acm_certificate.domain[0].domain_validation_options : option.resource_record_type if option.domain_name == each.key])
  records = [one([for option in aws_acm_certificate.domain[0].domain_validation_options : option.resource_record_value if option.domain_name == each.key])]
  ttl     = 300
  # A second install in the same zone, or one before this, may have left the same proof.
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "domain" {
  count = local.with_domain ? 1 : 0

  certificate_arn         = aws_acm_certificate.domain[0].arn
  validation_record_fqdns = [for record in aws_route53_record.proof : record.fqdn]
}

resource "aws_route53_record" "previews" {
  for_each = local.wildcards

  zone_id = var.zone_id
  name    = each.value
  type    = "A"

  alias {
    name                   = aws_lb.previews[each.key].dns_name
    zone_id                = aws_lb.previews[each.key].zone_id
    evaluate_target_health = false
  }
}

resource "aws_route53_record" "api" {
  count = local.with_domain ? 1 : 0

  zone_id = var.zone_id
  name    = var.api_domain
  type    = "A"

  alias {
    name                   = aws_lb.previews["1"].dns_name
    zone_id                = aws_lb.previews["1"].zone_id
    evaluate_target_health = false
  }
}
