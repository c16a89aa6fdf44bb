variable "install" {
  type        = string
  default     = "tempus"
  description = "Name of this install: everything is called by it, so that several installs can share an account. Each needs a name of its own, in whichever Region: IAM roles and dashboards are per account."

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.install)) && try(length(var.install), 17) <= 16
    error_message = "install must be 1 to 16 lower-case letters, digits and single hyphens that begin with a letter and do not end in a hyphen, such as tempus or tempus-qa."
  }
  validation {
    # Security groups may not begin with sg-, load balancers not with internal-, buckets not with sthree-; a schedule
    # group called default is in every account.
    condition     = !can(regex("^(sg|internal|sthree|default)(-|$)", var.install))
    error_message = "install must not be or begin with sg, internal, sthree or default, because AWS keeps names that begin so; use another one, such as tempus."
  }
}

variable "region" {
  type        = string
  default     = "us-east-1"
  description = "AWS region of the install, such as us-east-1."

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be the code of an AWS region, such as us-east-1 or eu-central-1."
  }
}

variable "control_plane_image" {
  type        = string
  description = "Full reference of the control plane's image (ARM64), as `make push` prints it."

  validation {
    condition     = can(regex("^[^\\s:@]+(:[0-9]+)?/[^\\s]+(:[^\\s:/]+|@sha256:[0-9a-f]{64})$", var.control_plane_image))
    error_message = "control_plane_image must be a full reference with a tag or digest, such as 123456789012.dkr.ecr.us-east-1.amazonaws.com/tempus-control-plane:1.0.0; `make push` prints it."
  }
}

variable "default_image" {
  type        = string
  description = "Full reference of the image that a preview runs when its request names none."

  validation {
    condition     = can(regex("^[^\\s:@]+(:[0-9]+)?/[^\\s]+(:[^\\s:/]+|@sha256:[0-9a-f]{64})$", var.default_image))
    error_message = "default_image must be a full reference with a tag or digest, such as 123456789012.dkr.ecr.us-east-1.amazonaws.com/tempus-hello:1.0.0; `make push` prints it."
  }
}

variable "allowed_cidrs" {
  type        = list(string)
  default     = null
  description = "IPv4 ranges that may reach the previews and the API. Required without a domain, where everything travels as plain HTTP; with a domain everybody may, unless this says otherwise."

  validation {
    condition     = var.domain != null || var.allowed_cidrs != null
    error_message = "Without a domain everything, tokens too, travels as plain HTTP: set allowed_cidrs to the networks that may reach it, such as [\"203.0.113.0/24\"], or set domain."
  }
  validation {
    condition     = var.allowed_cidrs == null || (length(coalesce(var.allowed_cidrs, [])) > 0 && length(coalesce(var.allowed_cidrs, [])) <= 20)
    error_message = "allowed_cidrs must name 1 to 20 ranges (a security group holds 60 rules); to let everybody in, leave it out and set domain."
  }
  validation {
    condition     = alltrue([for cidr in coalesce(var.allowed_cidrs, []) : can(cidrnetmask(cidr))])
    error_message = "allowed_cidrs takes IPv4 ranges such as 203.0.113.0/24 or 198.51.100.7/32; the load balancers have no IPv6 addresses."
  }
  validation {
    condition     = alltrue([for cidr in coalesce(var.allowed_cidrs, []) : try(cidrhost(cidr, 0) == split("/", cidr)[0], true)])
    error_message = "allowed_cidrs takes each range by its first address, such as 203.0.113.0/24 rather than 203.0.113.7/24; one address alone is 203.0.113.7/32."
  }
  validation {
    condition     = var.domain != null || !contains(coalesce(var.allowed_cidrs, []), "0.0.0.0/0")
    error_message = "Without a domain everything, tokens too, travels as plain HTTP: allowed_cidrs must not be 0.0.0.0/0; name the networks that may reach it, or set domain."
  }
}

variable "domain" {
  type        = string
  default     = null
  description = "Domain under which each preview gets a host of its own, such as preview.example.com: HTTPS and host routing. Null: plain HTTP under the load balancers' own names, a path each."

  validation {
    condition     = var.domain == null || can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain))
    error_message = "domain must be a lower-case domain name without *., such as preview.example.com."
  }
  validation {
    # preview-<8 digits>-<suffix> in front of it, and 64 characters for a certificate's first name.
    condition     = length(coalesce(var.domain, "x")) <= 62
    error_message = "domain must be at most 62 characters long, because a certificate's first name takes 64; choose a shorter one."
  }
}

variable "zone_id" {
  type        = string
  default     = null
  description = "Route 53 hosted zone that holds domain and api_domain. Needed with a domain."

  validation {
    condition     = (var.domain == null) == (var.zone_id == null)
    error_message = "zone_id goes with domain: set both (aws route53 list-hosted-zones-by-name shows the id), or neither."
  }
  validation {
    condition     = var.zone_id == null || can(regex("^Z[A-Z0-9]+$", var.zone_id))
    error_message = "zone_id must be the id of a hosted zone without /hostedzone/, such as Z0123456789ABCDEFGHIJ."
  }
}

variable "api_domain" {
  type        = string
  default     = null
  description = "Host name of the API, such as tempus.example.com. Needed with a domain, and neither above nor below it."

  validation {
    condition     = (var.domain == null) == (var.api_domain == null)
    error_message = "api_domain goes with domain: set both, such as domain = \"preview.example.com\" and api_domain = \"tempus.example.com\", or neither."
  }
  validation {
    condition     = var.api_domain == null || can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.api_domain))
    error_message = "api_domain must be a lower-case host name, such as tempus.example.com."
  }
  validation {
    condition     = !(endswith(".${coalesce(var.api_domain, "a")}", ".${coalesce(var.domain, "b")}") || endswith(".${coalesce(var.domain, "b")}", ".${coalesce(var.api_domain, "a")}"))
    error_message = "api_domain must be neither domain itself nor above or below it, so that no preview is same-site with the API by name; use a sibling, such as tempus.example.com beside preview.example.com."
  }
}

variable "vpc_id" {
  type        = string
  default     = null
  description = "VPC of the install; null for the region's default VPC."

  validation {
    condition     = var.vpc_id == null || can(regex("^vpc-[0-9a-f]+$", var.vpc_id))
    error_message = "vpc_id must be the id of a VPC, such as vpc-0123456789abcdef0; leave it out for the default VPC."
  }
}

variable "public_subnet_ids" {
  type        = list(string)
  default     = []
  description = "Public subnets of vpc_id, in at least two availability zones: for the load balancers, and for the tasks where private_subnet_ids is empty."
  nullable    = false

  validation {
    condition     = (var.vpc_id == null) == (length(var.public_subnet_ids) == 0)
    error_message = "public_subnet_ids goes with vpc_id: set both, or neither for the default VPC."
  }
  validation {
    condition     = length(var.public_subnet_ids) != 1 && length(distinct(var.public_subnet_ids)) == length(var.public_subnet_ids)
    error_message = "public_subnet_ids must name at least two different subnets in different availability zones: an application load balancer refuses one."
  }
}

variable "private_subnet_ids" {
  type        = list(string)
  default     = []
  description = "Private subnets of vpc_id with a way to the internet (NAT), in the same availability zones: tasks then have no public addresses."
  nullable    = false

  validation {
    condition     = length(var.private_subnet_ids) == 0 || var.vpc_id != null
    error_message = "private_subnet_ids goes with vpc_id and public_subnet_ids: set all three; the default VPC has public subnets only."
  }
}

variable "alb_count" {
  type        = number
  default     = 1
  description = "How many load balancers carry previews, 95 public addresses each."

  validation {
    condition     = contains([1, 2, 3, 4], var.alb_count)
    error_message = "alb_count must be 1 to 4: an ECS service takes five target groups, and the API needs its own and one for the waiting room on each load balancer. For more previews make a second install."
  }
}

variable "standby" {
  type        = bool
  default     = false
  description = "Whether a second controller stands by: 15 s until it leads, instead of a minute until ECS has started another."
  nullable    = false

  validation {
    condition     = contains([true, false], var.standby)
    error_message = "standby must be true or false."
  }
}

variable "default_arch" {
  type        = string
  default     = "X86_64"
  description = "Processor of a preview whose request names none: what your pipeline builds images for."

  validation {
    condition     = contains(["X86_64", "ARM64"], var.default_arch)
    error_message = "default_arch must be X86_64 or ARM64."
  }
}

variable "default_capacity" {
  type        = string
  default     = "on_demand"
  description = "Capacity of a preview whose request names none: spot costs about a third, and AWS may take it back with two minutes' notice."

  validation {
    condition     = contains(["on_demand", "spot"], var.default_capacity)
    error_message = "default_capacity must be on_demand or spot."
  }
}

variable "max_ttl_hours" {
  type        = number
  default     = 336
  description = "Longest life that a preview may ask for, in hours."

  validation {
    condition     = var.max_ttl_hours >= 1 && var.max_ttl_hours <= 720
    error_message = "max_ttl_hours must be 1 to 720: the history of a preview is kept for 30 days."
  }
}

variable "log_retention_days" {
  type        = number
  default     = 14
  description = "Days for which logs are kept."

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_retention_days)
    error_message = "log_retention_days must be one that CloudWatch knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545 or 731."
  }
}

variable "alarm_actions" {
  type        = list(string)
  default     = []
  description = "ARNs that are told when an alarm goes off or is over, such as an SNS topic. Empty: alarms only show."
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.alarm_actions : can(regex("^arn:[^:]+:[^:]+:", arn))]) && length(var.alarm_actions) <= 5
    error_message = "alarm_actions takes up to five ARNs, such as arn:aws:sns:us-east-1:123456789012:on-call."
  }
}
