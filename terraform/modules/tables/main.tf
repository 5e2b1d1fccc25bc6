# The tables of resources.json, which operate/resources.py reads in Python.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  definition = jsondecode(file("${path.module}/../../resources.json")).tables
  created    = { for name, table in local.definition : name => table if var.primary || table.scope == "regional" }
  ceiling    = var.on_demand_throughput == null ? [] : [var.on_demand_throughput]
  carried    = [for name, table in local.definition : name if try(table.carried, false)]
  arn_prefix = "arn:${data.aws_partition.current.partition}:dynamodb:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:table"
}

resource "aws_dynamodb_table" "this" {
  for_each = local.created

  name                        = "${var.name}-${each.key}"
  billing_mode                = "PAY_PER_REQUEST"
  table_class                 = var.table_class
  hash_key                    = each.value.hash_key
  range_key                   = try(each.value.range_key, null)
  deletion_protection_enabled = var.deletion_protection

  # Replicas need the stream. A global table has one from the start, so that a region can be added later
  # without changing the table.
  stream_enabled   = each.value.scope == "global"
  stream_view_type = each.value.scope == "global" ? "NEW_AND_OLD_IMAGES" : null

  dynamic "attribute" {
    for_each = each.value.attributes
    content {
      name = attribute.key
      type = attribute.value
    }
  }

  dynamic "global_secondary_index" {
    for_each = try(each.value.indexes, [])
    content {
      name            = global_secondary_index.value.name
      hash_key        = global_secondary_index.value.hash_key
      range_key       = try(global_secondary_index.value.range_key, null)
      projection_type = "ALL"

      dynamic "on_demand_throughput" {
        for_each = local.ceiling
        content {
          max_read_request_units  = on_demand_throughput.value.read_units
          max_write_request_units = on_demand_throughput.value.write_units
        }
      }
    }
  }

  dynamic "on_demand_throughput" {
    for_each = local.ceiling
    content {
      max_read_request_units  = on_demand_throughput.value.read_units
      max_write_request_units = on_demand_throughput.value.write_units
    }
  }

  dynamic "ttl" {
    for_each = try([each.value.ttl], [])
    content {
      enabled        = true
      attribute_name = ttl.value
    }
  }

  point_in_time_recovery {
    enabled = var.point_in_time_recovery
  }

  dynamic "server_side_encryption" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]
    content {
      enabled     = true
      kms_key_arn = server_side_encryption.value
    }
  }

  dynamic "replica" {
    for_each = each.value.scope == "global" ? var.replica_regions : []
    content {
      region_name            = replica.value
      kms_key_arn            = lookup(var.replica_kms_key_arns, replica.value, null)
      point_in_time_recovery = var.point_in_time_recovery
      propagate_tags         = true
    }
  }

  lifecycle {
    precondition {
      condition     = var.primary || length(var.replica_regions) == 0
      error_message = "Only the primary region creates replicas: leave replica_regions empty in the others."
    }
  }
}
