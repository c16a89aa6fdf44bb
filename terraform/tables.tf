# What these hold is told in preview/tables.ts, which makes the same tables on a laptop.

resource "aws_dynamodb_table" "previews" {
  name             = local.tables.previews
  billing_mode     = "PAY_PER_REQUEST"
  hash_key         = "id"
  stream_enabled   = true
  stream_view_type = "NEW_AND_OLD_IMAGES"

  attribute {
    name = "id"
    type = "S"
  }
  attribute {
    name = "live"
    type = "S"
  }
  attribute {
    name = "expires_at"
    type = "S"
  }

  global_secondary_index {
    name            = "live"
    projection_type = "ALL"

    key_schema {
      attribute_name = "live"
      key_type       = "HASH"
    }
    key_schema {
      attribute_name = "expires_at"
      key_type       = "RANGE"
    }
  }

  # Takes tombstones, never previews: purge_at is set when a record reaches Deleted.
  ttl {
    attribute_name = "purge_at"
    enabled        = true
  }

  # What should exist is told here and nowhere else.
  point_in_time_recovery {
    enabled = true
  }
}

resource "aws_dynamodb_table" "coordination" {
  name         = local.tables.coordination
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "key"

  attribute {
    name = "key"
    type = "S"
  }

  ttl {
    attribute_name = "purge_at"
    enabled        = true
  }

  # Tokens live here, and which preview has which place on a load balancer.
  point_in_time_recovery {
    enabled = true
  }
}

resource "aws_dynamodb_table" "events" {
  name         = local.tables.events
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "preview_id"
  range_key    = "sequence"

  attribute {
    name = "preview_id"
    type = "S"
  }
  attribute {
    name = "sequence"
    type = "S"
  }

  ttl {
    attribute_name = "purge_at"
    enabled        = true
  }
}
