# `pytest tests/terraform` makes the package and sets TF_VAR_package_dir.

mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name    = "chat"
  tables  = { for name, _ in jsondecode(file("../../resources.json")).tables : name => { arn = "arn:aws:dynamodb:us-east-1:123456789012:table/chat-${name}" } }
  queues  = { for name in concat(keys(jsondecode(file("../../resources.json")).queues), ["replicated-dead"]) : name => { arn = "arn:aws:sqs:us-east-1:123456789012:chat-${name}", visibility_timeout_s = 120 } }
  secret  = { name = "chat-secrets", arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:chat-secrets-AbCdEf" }
  redis   = { url = "redis://cache.example.com:6379", cluster = false }
  regions = ["eu-west-1", "us-east-1"]

  topic_arn   = "arn:aws:sns:us-east-1:123456789012:chat-broadcast"
  kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1"
  streams     = { for name in ["messages", "rooms", "memberships", "friends", "consents", "revocations", "presence", "reads"] : name => "arn:aws:dynamodb:us-east-1:123456789012:table/chat-${name}/stream/1" }
}

override_resource {
  target = aws_lambda_function.this["replicated"]
  values = { arn = "arn:aws:lambda:us-east-1:123456789012:function:chat-replicated" }
}

run "each_carried_table_calls_replicated" {
  assert {
    condition     = toset([for mapping in aws_lambda_event_source_mapping.stream : "${mapping.function_name} ${mapping.event_source_arn}"]) == toset([for stream in values(var.streams) : "arn:aws:lambda:us-east-1:123456789012:function:chat-replicated ${stream}"])
    error_message = "The function must read the stream of every carried table, and no other stream."
  }

  assert {
    condition     = alltrue([for mapping in aws_lambda_event_source_mapping.stream : mapping.starting_position == "TRIM_HORIZON" && mapping.batch_size == 100 && mapping.maximum_retry_attempts == -1 && mapping.maximum_record_age_in_seconds == -1 && mapping.bisect_batch_on_function_error])
    error_message = "Nothing may be missed: from the oldest record, and again until it succeeds."
  }

  assert {
    condition     = alltrue([for mapping in aws_lambda_event_source_mapping.stream : mapping.destination_config[0].on_failure[0].destination_arn == "arn:aws:sqs:us-east-1:123456789012:chat-replicated-dead"])
    error_message = "What fails for a day must be kept and alarmed."
  }

  assert {
    condition     = jsondecode(one(aws_lambda_event_source_mapping.stream["replicated rooms"].filter_criteria[0].filter).pattern) == jsondecode("{\"eventName\":[\"INSERT\",\"MODIFY\"],\"dynamodb\":{\"NewImage\":{\"region\":{\"S\":[{\"anything-but\":[\"us-east-1\"]}]}}}}")
    error_message = "The function must get what other regions wrote, and nothing else."
  }

  assert {
    condition     = { for filter in aws_lambda_event_source_mapping.stream["replicated messages"].filter_criteria[0].filter : strcontains(filter.pattern, "anything-but") => jsondecode(filter.pattern) }["true"] == jsondecode("{\"eventName\":[\"INSERT\"],\"dynamodb\":{\"NewImage\":{\"region\":{\"S\":[{\"anything-but\":[\"us-east-1\"]}]}},\"Keys\":{\"entry\":{\"S\":[{\"prefix\":\"e#\"},{\"prefix\":\"#\"}]}}}}")
    error_message = "Of messages, new entries and dedupe items: not heads, marks of deletion or copies."
  }

  assert {
    condition     = output.environment.TIDINGS_REGIONS == "eu-west-1,us-east-1"
    error_message = "The functions must know all regions, in this order."
  }
}

run "new_entries_of_this_region_are_checked" {
  assert {
    condition     = { for filter in aws_lambda_event_source_mapping.stream["replicated messages"].filter_criteria[0].filter : strcontains(filter.pattern, "anything-but") => jsondecode(filter.pattern) }["false"] == jsondecode("{\"eventName\":[\"INSERT\"],\"dynamodb\":{\"NewImage\":{\"region\":{\"S\":[\"us-east-1\"]}},\"Keys\":{\"entry\":{\"S\":[{\"prefix\":\"e#\"}]}}}}")
    error_message = "The function must get the entries that senders may have left undelivered."
  }

  assert {
    condition     = output.environment.TIDINGS_OUTBOX == "1"
    error_message = "Senders queue no job for what they have delivered."
  }
}

run "the_outbox_can_be_turned_off" {
  command = plan

  variables {
    outbox = false
  }

  assert {
    condition     = !contains(keys(output.environment), "TIDINGS_OUTBOX") && contains(keys(aws_lambda_event_source_mapping.stream), "replicated messages")
    error_message = "The stream is still read, so what senders left before is delivered."
  }
}

run "one_region_reads_the_stream_of_messages_only" {
  variables {
    regions = []
  }

  assert {
    condition     = keys(aws_lambda_event_source_mapping.stream) == ["replicated messages"] && !strcontains(one(aws_lambda_event_source_mapping.stream["replicated messages"].filter_criteria[0].filter).pattern, "anything-but")
    error_message = "There is no other region."
  }

  assert {
    condition     = one([for statement in jsondecode(aws_iam_role_policy.function["replicated"].policy).Statement : statement.Resource if statement.Sid == "Streams"]) == [var.streams.messages] && output.environment.TIDINGS_OUTBOX == "1"
    error_message = "Its role reads what is mapped."
  }
}

run "without_the_stream_each_message_is_a_job" {
  command = plan

  variables {
    regions = []
    streams = {}
  }

  assert {
    condition     = length(aws_lambda_event_source_mapping.stream) == 0 && !contains(keys(output.environment), "TIDINGS_OUTBOX")
    error_message = "Nobody would deliver what a sender leaves."
  }
}

run "its_role_reads_these_streams_only" {
  assert {
    condition = jsonencode([for statement in jsondecode(aws_iam_role_policy.function["replicated"].policy).Statement : [statement.Action, statement.Resource] if contains(["Streams", "Failures"], statement.Sid)]) == jsonencode([
      [["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"], values(var.streams)],
      [["sqs:SendMessage"], ["arn:aws:sqs:us-east-1:123456789012:chat-replicated-dead"]],
    ])
    error_message = "The role must allow reading these streams and writing failures, nothing more."
  }

  assert {
    condition     = [for name, policy in aws_iam_role_policy.function : name if strcontains(policy.policy, "/stream/")] == ["replicated"]
    error_message = "No other function may read a stream."
  }
}

run "room_ids_are_claimed_in_the_first_region" {
  assert {
    condition = { for name, policy in aws_iam_role_policy.function : name => one([for statement in jsondecode(policy.policy).Statement : join(" ", concat(statement.Action, statement.Resource)) if statement.Sid == "HomeTableRooms"]) if strcontains(policy.policy, ":dynamodb:eu-west-1:") } == {
      api_handler = "dynamodb:PutItem arn:aws:dynamodb:eu-west-1:123456789012:table/chat-rooms"
    }
    error_message = "Functions that create rooms may write claims there, and nothing else."
  }
}

run "spares_of_messages_go_to_the_other_regions" {
  variables {
    regions           = ["eu-west-1", "us-east-1", "ap-southeast-1"]
    peer_kms_key_arns = { ap-southeast-1 = "arn:aws:kms:ap-southeast-1:123456789012:key/1" }
  }

  assert {
    condition = { for name, statements in local.statements : name => [for statement in statements : [statement.Action, statement.Resource] if startswith(statement.Sid, "PeerQueue")] if strcontains(jsonencode(statements), "PeerQueue") } == {
      for name in ["api_handler", "outbound", "websocket_message"] : name => [[
        ["sqs:GetQueueUrl", "sqs:SendMessage"],
        ["arn:aws:sqs:eu-west-1:123456789012:chat-outbound", "arn:aws:sqs:ap-southeast-1:123456789012:chat-outbound"],
      ]]
    }
    error_message = "Functions that send messages may send spares to the other regions, and nothing else."
  }

  assert {
    condition     = jsonencode({ for name, statements in local.key_statements : name => one([for statement in statements : [statement.Resource, statement.Condition.StringEquals["kms:ViaService"]] if statement.Sid == "PeerKeys"]) if strcontains(jsonencode(statements), "PeerKeys") }) == jsonencode({ for name in ["api_handler", "outbound", "websocket_message"] : name => [["arn:aws:kms:ap-southeast-1:123456789012:key/1"], ["sqs.ap-southeast-1.amazonaws.com"]] })
    error_message = "The queues are encrypted with the keys of their regions."
  }
}

run "the_first_region_needs_no_other" {
  command = plan

  variables {
    regions          = ["us-east-1", "eu-west-1"]
    home_kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1"
  }

  assert {
    condition     = alltrue([for statements in local.statements : length([for statement in statements : statement if startswith(statement.Sid, "Home")]) == 0])
    error_message = "Its own table is the one with the claims."
  }
}

run "a_key_of_the_tables" {
  variables {
    kms_key_arn      = "arn:aws:kms:us-east-1:123456789012:key/1"
    home_kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/2"
  }

  assert {
    condition     = jsonencode({ for name, statements in local.key_statements : name => one([for statement in statements : [statement.Resource, statement.Condition.StringEquals["kms:ViaService"]] if statement.Sid == "HomeKey"]) if strcontains(jsonencode(statements), "HomeKey") }) == jsonencode({ api_handler = [["arn:aws:kms:eu-west-1:123456789012:key/2"], ["dynamodb.eu-west-1.amazonaws.com"]] })
    error_message = "The claims' table is encrypted with the key of its region."
  }

  assert {
    condition     = one([for statement in jsondecode(aws_iam_role_policy.keys["replicated"].policy).Statement : statement.Condition.StringEquals["kms:ViaService"] if statement.Sid == "Key"]) == ["dynamodb.us-east-1.amazonaws.com", "sqs.us-east-1.amazonaws.com"]
    error_message = "A stream is encrypted with its table's key."
  }
}

run "several_regions_need_all_streams" {
  command = plan

  variables {
    streams = { rooms = "arn:aws:dynamodb:us-east-1:123456789012:table/chat-rooms/stream/1" }
  }

  expect_failures = [var.streams]
}

run "the_inbox_calls_relay" {
  assert {
    condition     = aws_lambda_event_source_mapping.this["relay"].event_source_arn == "arn:aws:sqs:us-east-1:123456789012:chat-inbox" && output.environment.TIDINGS_TOPIC_ARN == var.topic_arn
    error_message = "What other regions publish must be read, and the functions must know this region's topic."
  }

  assert {
    condition = jsonencode({ for name, policy in aws_iam_role_policy.function : name => flatten([
      for statement in jsondecode(policy.policy).Statement : [for pair in setproduct(statement.Action, statement.Resource) : pair] if startswith(statement.Action[0], "sns:")
      ]) if strcontains(policy.policy, "sns:") }) == jsonencode({
      outbound = ["sns:Publish", "arn:aws:sns:us-east-1:123456789012:chat-broadcast"]
    })
    error_message = "Only outbound may publish, and only to this topic: what relay posts must not cross again."
  }

  assert {
    condition     = [for name, policy in aws_iam_role_policy.keys : name if strcontains(policy.policy, "sns.us-east-1.amazonaws.com")] == ["outbound"]
    error_message = "Whoever publishes to an encrypted topic must use its key."
  }
}
