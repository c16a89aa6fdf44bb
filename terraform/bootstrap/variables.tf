variable "install" {
  type        = string
  default     = "tempus"
  description = "Name of the install that this is for."

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

variable "state" {
  type        = string
  default     = "s3"
  description = "Where Terraform's states are: s3 makes a bucket for them, local keeps them in the checkout."
  nullable    = false

  validation {
    condition     = contains(["s3", "local"], var.state)
    error_message = "state must be s3 or local."
  }
}

variable "disposable" {
  type        = bool
  default     = false
  description = "Whether states and images may be deleted with their bucket and repositories: apply it as true, then destroy."
  nullable    = false

  validation {
    condition     = contains([true, false], var.disposable)
    error_message = "disposable must be true or false."
  }
}
