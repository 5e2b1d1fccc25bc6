# The queues of resources.json; and, with several regions, a topic from which SNS brings events to the
# inboxes of the others.

locals {
  definition = {
    for name, queue in jsondecode(file("${path.module}/../../resources.json")).queues : name => queue
    if var.several || !try(queue.between_regions, false)
  }

  # Records of streams that the function `replicated` could not queue in a day. Lambda writes there; no
  # code reads it, as it has no jobs to repeat.
  carrying = {
    "replicated-dead" = { fifo = false, visibility_timeout_s = 30, retention_s = 1209600 }
  }

  queues  = merge(local.definition, local.carrying)
  sources = { for name, queue in local.queues : name => queue if can(queue.dead_letter) }
  dead    = { for name, queue in local.sources : queue.dead_letter => name... }

  names = { for name, queue in local.queues : name => "${var.name}-${name}${queue.fifo ? ".fifo" : ""}" }
  arn   = "arn:${data.aws_partition.current.partition}:sqs:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}"

  # SQS's own key if there is no customer managed key; they exclude each other.
  managed_key = var.kms_key_arn == null ? true : null
}

resource "aws_sqs_queue" "this" {
  for_each = local.queues

  name                       = local.names[each.key]
  visibility_timeout_seconds = each.value.visibility_timeout_s
  message_retention_seconds  = try(each.value.retention_s, 345600)

  # High throughput: each message group has its own limit and deduplication. Every sender sets the
  # deduplication id, and the same id always has the same group.
  # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/high-throughput-fifo.html
  fifo_queue                  = each.value.fifo ? true : null
  content_based_deduplication = each.value.fifo ? false : null
  deduplication_scope         = each.value.fifo ? "messageGroup" : null
  fifo_throughput_limit       = each.value.fifo ? "perMessageGroupId" : null

  # The ARNs are built from names, as a queue and its dead-letter queue refer to each other.
  redrive_allow_policy = !contains(keys(local.dead), each.key) ? null : jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [for source in local.dead[each.key] : "${local.arn}:${local.names[source]}"]
  })

  sqs_managed_sse_enabled = local.managed_key
  kms_master_key_id       = var.kms_key_arn
}

resource "aws_sqs_queue_redrive_policy" "this" {
  for_each = local.sources

  queue_url = aws_sqs_queue.this[each.key].id
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.this[each.value.dead_letter].arn
    maxReceiveCount     = each.value.max_receive_count
  })
}

# The functions' roles define who may use a queue. The queue's policy refuses calls without TLS, and the
# inbox's policy allows the peers' topics.
resource "aws_sqs_queue_policy" "this" {
  for_each = local.queues

  queue_url = aws_sqs_queue.this[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid       = "OnlyEncryptedTransport"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = aws_sqs_queue.this[each.key].arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }],
      each.key != "inbox" ? [] : [for region, peer in var.peers : {
        Sid       = "Peer${replace(title(region), "-", "")}"
        Effect    = "Allow"
        Principal = { Service = "sns.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.this[each.key].arn
        Condition = { ArnEquals = { "aws:SourceArn" = peer.topic_arn } }
      }],
    )
  })
}

resource "aws_sns_topic" "broadcast" {
  count = var.several ? 1 : 0

  name              = "${var.name}-broadcast"
  kms_master_key_id = var.kms_key_arn
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

# It allows nothing: roles of this account need their own permission to publish, which one function has.
resource "aws_sns_topic_policy" "broadcast" {
  count = length(aws_sns_topic.broadcast)

  arn = aws_sns_topic.broadcast[0].arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyEncryptedTransport"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.broadcast[0].arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

# From this topic to every peer's inbox; SNS requires subscriptions to be in the topic's region.
# https://docs.aws.amazon.com/sns/latest/dg/sns-cross-region-delivery.html
resource "aws_sns_topic_subscription" "peer" {
  for_each = var.several ? var.peers : {}

  topic_arn            = aws_sns_topic.broadcast[0].arn
  protocol             = "sqs"
  endpoint             = each.value.inbox_arn
  raw_message_delivery = true

  # chalicelib/adapters/sns.py names in `to` the regions that need a message.
  filter_policy = jsonencode({ to = [each.key] })
}
