mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name = "chat"
}

run "all_tables_of_the_definition" {
  assert {
    condition     = toset(keys(aws_dynamodb_table.this)) == toset(keys(jsondecode(file("../../resources.json")).tables))
    error_message = "A table of resources.json is missing, or there is one more."
  }

  assert {
    condition     = alltrue([for name, table in aws_dynamodb_table.this : table.name == "chat-${name}" && table.billing_mode == "PAY_PER_REQUEST" && table.deletion_protection_enabled && table.point_in_time_recovery[0].enabled])
    error_message = "Every table is on demand, protected and can be restored."
  }

  assert {
    condition = alltrue([
      for name, table in jsondecode(file("../../resources.json")).tables :
      one([for ttl in aws_dynamodb_table.this[name].ttl : ttl.attribute_name if ttl.enabled]) == try(table.ttl, null)
    ])
    error_message = "TTL is not on the attribute of the definition."
  }

  assert {
    condition = alltrue([
      for name, table in jsondecode(file("../../resources.json")).tables :
      toset([for index in aws_dynamodb_table.this[name].global_secondary_index : index.name]) == toset([for index in try(table.indexes, []) : index.name])
    ])
    error_message = "The indexes are not those of the definition."
  }

  assert {
    condition = alltrue([
      for name, table in jsondecode(file("../../resources.json")).tables :
      jsonencode({
        hash_key   = aws_dynamodb_table.this[name].hash_key
        range_key  = aws_dynamodb_table.this[name].range_key
        attributes = { for each in aws_dynamodb_table.this[name].attribute : each.name => each.type }
        indexes    = sort([for index in aws_dynamodb_table.this[name].global_secondary_index : jsonencode([index.name, index.hash_key, index.range_key, index.projection_type])])
        }) == jsonencode({
        hash_key   = table.hash_key
        range_key  = try(table.range_key, null)
        attributes = table.attributes
        indexes    = sort([for index in try(table.indexes, []) : jsonencode([index.name, index.hash_key, index.range_key, "ALL"])])
      })
    ])
    error_message = "Keys are those of the definition, and an index has whole items."
  }

  assert {
    condition     = length(output.replica_regions) == 0
    error_message = "Nor do they say so."
  }

  assert {
    condition     = alltrue([for table in aws_dynamodb_table.this : length(table.replica) == 0])
    error_message = "No replicas without replica regions."
  }
}

run "replicas_of_global_tables_only" {
  variables {
    replica_regions        = ["eu-west-1", "ap-northeast-1"]
    point_in_time_recovery = false
  }

  assert {
    condition     = toset([for replica in aws_dynamodb_table.this["rooms"].replica : replica.region_name]) == toset(["eu-west-1", "ap-northeast-1"])
    error_message = "A global table has a replica in each peer region."
  }

  assert {
    condition     = output.replica_regions == tolist(["ap-northeast-1", "eu-west-1"])
    error_message = "Every global table has its replicas."
  }

  assert {
    condition     = alltrue([for replica in aws_dynamodb_table.this["rooms"].replica : replica.propagate_tags && !replica.point_in_time_recovery])
    error_message = "Replicas take the tags, and recovery as set."
  }

  assert {
    condition     = aws_dynamodb_table.this["rooms"].stream_view_type == "NEW_AND_OLD_IMAGES" && !aws_dynamodb_table.this["connections"].stream_enabled
    error_message = "Replication needs the stream of new and old images, a regional table none."
  }

  assert {
    condition     = toset(keys(output.streams)) == toset(["messages", "rooms", "memberships", "friends", "consents", "revocations", "presence", "reads"]) && output.streams["rooms"] == aws_dynamodb_table.this["rooms"].stream_arn
    error_message = "The streams that the primary's functions read must be those of its tables."
  }

  assert {
    condition     = toset(keys(output.replica_streams)) == toset(["eu-west-1", "ap-northeast-1"]) && keys(output.replica_streams["eu-west-1"]) == keys(output.streams)
    error_message = "The primary must return the streams of the replicas, too."
  }

  assert {
    condition     = length(aws_dynamodb_table.this["connections"].replica) == 0
    error_message = "A regional table has no replicas."
  }
}

run "a_second_region_makes_regional_tables" {
  variables {
    primary = false
  }

  assert {
    condition     = toset(keys(aws_dynamodb_table.this)) == toset([for name, table in jsondecode(file("../../resources.json")).tables : name if table.scope == "regional"])
    error_message = "Only the regional tables are made in a region that is not the primary."
  }

  assert {
    condition     = output.streams == {} && output.replica_streams == {}
    error_message = "It gets the streams of its replicas from the primary."
  }

  assert {
    condition     = output.names["rooms"] == "chat-rooms" && output.arns["rooms"] == "arn:aws:dynamodb:us-east-1:123456789012:table/chat-rooms"
    error_message = "The global tables are named nevertheless."
  }
}

run "replicas_are_the_primary_regions_matter" {
  command = plan

  variables {
    primary         = false
    replica_regions = ["eu-west-1"]
  }

  expect_failures = [aws_dynamodb_table.this]
}

run "a_key_for_each_replica" {
  command = plan

  variables {
    kms_key_arn     = "arn:aws:kms:us-east-1:123456789012:key/1"
    replica_regions = ["eu-west-1"]
  }

  expect_failures = [var.replica_kms_key_arns]
}

run "keys_of_the_customer" {
  variables {
    kms_key_arn          = "arn:aws:kms:us-east-1:123456789012:key/1"
    replica_regions      = ["eu-west-1"]
    replica_kms_key_arns = { eu-west-1 = "arn:aws:kms:eu-west-1:123456789012:key/2" }
  }

  assert {
    condition     = alltrue([for table in aws_dynamodb_table.this : table.server_side_encryption[0].enabled && table.server_side_encryption[0].kms_key_arn == var.kms_key_arn])
    error_message = "Every table has the key."
  }

  assert {
    condition     = alltrue(flatten([for table in aws_dynamodb_table.this : [for replica in table.replica : replica.kms_key_arn == "arn:aws:kms:eu-west-1:123456789012:key/2"]]))
    error_message = "A replica has its own region's."
  }
}

run "no_ceiling_by_default" {
  command = plan

  assert {
    condition     = alltrue([for table in aws_dynamodb_table.this : length(table.on_demand_throughput) == 0])
    error_message = "Without a number, only the account's quota holds."
  }
}

run "a_ceiling_of_each_table_and_index" {
  command = plan

  variables {
    on_demand_throughput = { read_units = 4000, write_units = 2000 }
  }

  assert {
    condition     = alltrue([for table in aws_dynamodb_table.this : [table.on_demand_throughput[0].max_read_request_units, table.on_demand_throughput[0].max_write_request_units] == [4000, 2000]])
    error_message = "Every table has the ceiling."
  }
  assert {
    condition     = alltrue(flatten([for table in aws_dynamodb_table.this : [for index in table.global_secondary_index : index.on_demand_throughput[0].max_write_request_units == 2000]]))
    error_message = "Every index has it, too."
  }
}

run "a_ceiling_of_nothing_is_refused" {
  command = plan

  variables {
    on_demand_throughput = { read_units = 0, write_units = 2000 }
  }

  expect_failures = [var.on_demand_throughput]
}

run "a_cheaper_class_for_what_is_seldom_read" {
  variables {
    table_class = "STANDARD_INFREQUENT_ACCESS"
  }

  assert {
    condition     = alltrue([for table in aws_dynamodb_table.this : table.table_class == "STANDARD_INFREQUENT_ACCESS"])
    error_message = "All tables have the class."
  }
}

run "an_unknown_class" {
  command = plan

  variables {
    table_class = "GLACIER"
  }

  expect_failures = [var.table_class]
}
