mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name    = "chat"
  several = true
  peers   = { eu-west-1 = { topic_arn = "arn:aws:sns:eu-west-1:123456789012:chat-broadcast", inbox_arn = "arn:aws:sqs:eu-west-1:123456789012:chat-inbox" } }
}

# The mock's ARNs are all the same, so these are overridden.
override_resource {
  target = aws_sqs_queue.this["delivery-dead"]
  values = { arn = "arn:aws:sqs:us-east-1:123456789012:chat-delivery-dead.fifo" }
}

override_resource {
  target = aws_sqs_queue.this["outbound-dead"]
  values = { arn = "arn:aws:sqs:us-east-1:123456789012:chat-outbound-dead" }
}

run "queues" {
  assert {
    condition = alltrue([
      for name, queue in jsondecode(file("../../resources.json")).queues :
      jsonencode([aws_sqs_queue.this[name].visibility_timeout_seconds, aws_sqs_queue.this[name].message_retention_seconds, coalesce(aws_sqs_queue.this[name].fifo_queue, false)]) ==
      jsonencode([queue.visibility_timeout_s, try(queue.retention_s, 345600), queue.fifo])
    ])
    error_message = "Visibility, retention and kind are the definition's."
  }

  assert {
    condition     = toset(keys(aws_sqs_queue.this)) == toset(concat(keys(jsondecode(file("../../resources.json")).queues), ["replicated-dead"]))
    error_message = "The queues are those of resources.json, and one for records of streams."
  }

  assert {
    condition     = aws_sqs_queue.this["delivery"].name == "chat-delivery.fifo" && aws_sqs_queue.this["outbound"].name == "chat-outbound"
    error_message = "The code looks its queues up by these names."
  }

  assert {
    condition = alltrue([
      for queue in aws_sqs_queue.this : queue.deduplication_scope == "messageGroup" && queue.fifo_throughput_limit == "perMessageGroupId" && !queue.content_based_deduplication
      if endswith(queue.name, ".fifo")
    ])
    error_message = "FIFO queues are for high throughput, and senders name the deduplication id."
  }

  assert {
    condition     = alltrue([for queue in aws_sqs_queue.this : queue.sqs_managed_sse_enabled])
    error_message = "Every queue is encrypted."
  }

  assert {
    condition     = alltrue([for name in ["delivery-dead", "outbound-dead", "inbox-dead"] : aws_sqs_queue.this[name].message_retention_seconds == 1209600])
    error_message = "Dead letters are kept for 14 days."
  }
}

run "several_regions_keep_what_could_not_be_carried" {
  assert {
    condition     = toset(output.dead_letter_queues) == toset(["chat-delivery-dead.fifo", "chat-outbound-dead", "chat-inbox-dead", "chat-replicated-dead"]) && aws_sqs_queue.this["replicated-dead"].message_retention_seconds == 1209600
    error_message = "Lambda must have a queue for records that it gives up, and it must be watched."
  }
}

run "dead_letters" {
  assert {
    condition = { for name in ["delivery", "outbound"] : name => jsondecode(aws_sqs_queue_redrive_policy.this[name].redrive_policy).deadLetterTargetArn } == {
      delivery = "arn:aws:sqs:us-east-1:123456789012:chat-delivery-dead.fifo"
      outbound = "arn:aws:sqs:us-east-1:123456789012:chat-outbound-dead"
    }
    error_message = "Each has its own."
  }

  assert {
    condition     = toset(keys(aws_sqs_queue_redrive_policy.this)) == toset(["delivery", "outbound", "inbox"])
    error_message = "Every source has a dead-letter queue."
  }

  assert {
    condition     = alltrue([for name, policy in aws_sqs_queue_redrive_policy.this : jsondecode(policy.redrive_policy).maxReceiveCount == jsondecode(file("../../resources.json")).queues[name].max_receive_count])
    error_message = "As many receives as the definition says."
  }

  assert {
    condition     = aws_sqs_queue.this["delivery-dead"].redrive_allow_policy == jsonencode({ redrivePermission = "byQueue", sourceQueueArns = ["arn:aws:sqs:us-east-1:123456789012:chat-delivery.fifo"] })
    error_message = "A dead-letter queue takes from its source only."
  }
}

run "policies" {
  assert {
    condition = alltrue([
      for policy in aws_sqs_queue_policy.this : anytrue([
        for statement in jsondecode(policy.policy).Statement :
        statement.Effect == "Deny" && statement.Action == "sqs:*" && try(statement.Condition.Bool["aws:SecureTransport"], null) == "false"
      ])
    ])
    error_message = "Every queue refuses what comes unencrypted."
  }

  assert {
    condition = [
      for statement in jsondecode(aws_sqs_queue_policy.this["inbox"].policy).Statement :
      [statement.Principal.Service, statement.Action, statement.Condition.ArnEquals["aws:SourceArn"]] if statement.Effect == "Allow"
    ] == [["sns.amazonaws.com", "sqs:SendMessage", "arn:aws:sns:eu-west-1:123456789012:chat-broadcast"]]
    error_message = "The inbox must accept messages only from its peers' topics."
  }

  assert {
    condition = alltrue([
      for name, policy in aws_sqs_queue_policy.this :
      length([for statement in jsondecode(policy.policy).Statement : statement if statement.Effect == "Allow"]) == 0 if name != "inbox"
    ])
    error_message = "The other queues' policies must allow nothing: the functions' roles do."
  }
}

run "the_topic" {
  assert {
    condition     = [for statement in jsondecode(aws_sns_topic_policy.broadcast[0].policy).Statement : statement if statement.Effect == "Allow"] == []
    error_message = "The topic's policy must allow nobody to publish: one function's role does."
  }

  assert {
    condition     = jsonencode([for statement in jsondecode(aws_sns_topic_policy.broadcast[0].policy).Statement : statement.Condition if statement.Effect == "Deny"]) == jsonencode([{ Bool = { "aws:SecureTransport" = "false" } }])
    error_message = "It refuses what comes unencrypted."
  }
}

run "peers" {
  assert {
    condition     = aws_sns_topic_subscription.peer["eu-west-1"].endpoint == "arn:aws:sqs:eu-west-1:123456789012:chat-inbox" && aws_sns_topic_subscription.peer["eu-west-1"].protocol == "sqs" && aws_sns_topic_subscription.peer["eu-west-1"].raw_message_delivery
    error_message = "This region's topic goes to the peer's inbox."
  }

  assert {
    condition     = { for region, subscription in aws_sns_topic_subscription.peer : region => jsondecode(subscription.filter_policy) } == { eu-west-1 = { to = ["eu-west-1"] } }
    error_message = "A peer must get only what names it."
  }
}

run "one_region_has_none_of_it" {
  variables {
    several = false
    peers   = {}
  }

  assert {
    condition     = length(aws_sns_topic.broadcast) == 0 && length(aws_sns_topic_policy.broadcast) == 0 && length(aws_sns_topic_subscription.peer) == 0 && output.topic == null
    error_message = "With one region there must be no topic."
  }

  assert {
    condition     = toset(keys(aws_sqs_queue.this)) == toset(["delivery", "delivery-dead", "outbound", "outbound-dead", "replicated-dead"])
    error_message = "With one region there must be no inbox."
  }
}

run "a_key_of_the_customer" {
  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1"
  }

  assert {
    condition     = alltrue([for queue in aws_sqs_queue.this : queue.kms_master_key_id == "arn:aws:kms:us-east-1:123456789012:key/1"]) && aws_sns_topic.broadcast[0].kms_master_key_id == "arn:aws:kms:us-east-1:123456789012:key/1"
    error_message = "The key is for queues and topic."
  }
}
