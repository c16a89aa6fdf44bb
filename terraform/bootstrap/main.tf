# What has to be there before Tempus itself: where Terraform keeps its states, and where the images are pushed to.
# `make setup` applies it and then moves its own state into the bucket, too; should that be lost, `terraform import` takes
# the things up again.

terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.40"
    }
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = { "tempus:control-plane" = var.install }
  }
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  bucket       = "${var.install}-state-${data.aws_caller_identity.current.account_id}-${var.region}"
  repositories = { control_plane = "${var.install}-control-plane", hello = "${var.install}-hello" }
}

# There is no prevent_destroy, because an account has to become empty again. A bucket that still holds states refuses to
# go all the same, unless `disposable` says that they may be lost.
resource "aws_s3_bucket" "state" {
  count = var.state == "s3" ? 1 : 0

  bucket        = local.bucket
  force_destroy = var.disposable
}

resource "aws_s3_bucket_versioning" "state" {
  count = var.state == "s3" ? 1 : 0

  bucket = aws_s3_bucket.state[0].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "state" {
  count = var.state == "s3" ? 1 : 0

  bucket = aws_s3_bucket.state[0].id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "state" {
  count = var.state == "s3" ? 1 : 0

  bucket                  = aws_s3_bucket.state[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_policy" "state" {
  count = var.state == "s3" ? 1 : 0

  bucket = aws_s3_bucket.state[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "NothingInPlainText"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = ["arn:${data.aws_partition.current.partition}:s3:::${local.bucket}", "arn:${data.aws_partition.current.partition}:s3:::${local.bucket}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })

  # S3 takes one change of a bucket's access at a time.
  depends_on = [aws_s3_bucket_public_access_block.state]
}

resource "aws_s3_bucket_lifecycle_configuration" "state" {
  count = var.state == "s3" ? 1 : 0

  bucket = aws_s3_bucket.state[0].id

  rule {
    id     = "old-states"
    status = "Enabled"
    filter {}

    noncurrent_version_expiration {
      noncurrent_days = 90
    }
  }

  depends_on = [aws_s3_bucket_versioning.state]
}

resource "aws_ecr_repository" "image" {
  for_each = local.repositories

  name = each.value
  # A tag means one image for ever: a push never takes the tag from what still runs.
  image_tag_mutability = "IMMUTABLE"
  force_delete         = var.disposable

  # A repository is this account's, a bucket of that name may be anybody's: so whoever finds the repository learns from it
  # which bucket is the install's. It is tagged when the bucket is there.
  tags = { "tempus:state" = coalesce(one(aws_s3_bucket.state[*].bucket), "local") }

  image_scanning_configuration {
    scan_on_push = true
  }
}

# Tagged images never expire: services and previews may run them, and start them again at any time. Without a tag are only
# pushes that broke off.
resource "aws_ecr_lifecycle_policy" "image" {
  for_each = local.repositories

  repository = aws_ecr_repository.image[each.key].name
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Images without a tag, after 14 days"
      selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 14 }
      action       = { type = "expire" }
    }]
  })
}
