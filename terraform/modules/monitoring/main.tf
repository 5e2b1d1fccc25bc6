data "aws_region" "current" {}

data "aws_caller_identity" "current" {}

locals {
  default_thresholds = {
    delivery_latency_p99_ms = 2000
    queue_age_s             = 30
    dead_letters            = 0
    entries_set_aside       = 0
    entries_passed_over     = 0
    events_not_published    = 10
    events_not_brought      = 0
    outbound_dead_letters   = 100
    function_errors         = 5
    function_throttles      = 1
    concurrent_executions   = 800
    posts_to_retry          = 500
    posts_refused           = 10
    websocket_errors        = 20
    http_5xx                = 10
    connects_per_minute     = 24000
    table_throttles         = 10
    replication_latency_ms  = 30000
    stream_age_ms           = 60000
    redis_cpu_percent       = 80
    redis_memory_percent    = 80
    redis_throttles         = 10
    limits_open             = 1
    clock_ahead_ms          = 1000
  }
  thresholds = merge(local.default_thresholds, var.thresholds)

  region = data.aws_region.current.id

  # The metrics that chalicelib emits; a test compares them. Those of `report` have the dimension Region,
  # those embedded in log lines have no dimension.
  own = {
    for name, metric in jsondecode(file("${path.module}/metrics.json")) : name => {
      namespace  = var.metrics_namespace
      name       = name
      dimensions = try(metric.by_region, false) ? { Region = local.region } : {}
    }
  }

  work_queues = { for short, name in var.queues : short => name if !contains(var.dead_letter_queues, name) }
  dead_queues = { for short, name in var.queues : short => name if contains(var.dead_letter_queues, name) }

  # Jobs; and records of streams that Lambda gave up: there is nothing to redrive.
  dead_letters = { for short, name in local.dead_queues : short => name if short != "replicated-dead" }
  not_carried  = { for short, name in local.dead_queues : short => name if short == "replicated-dead" }

  # The function that reads the streams.
  carriers = { for short, name in var.functions : short => name if short == "replicated" }

  # The queues from which the app takes jobs; with one region there is no inbox.
  watched_queues = { for short in ["delivery", "outbound", "inbox"] : short => var.queues[short] if contains(keys(var.queues), short) }

  # A table's metrics do not include its indexes, which are throttled separately.
  # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
  throttled = merge([
    for short, table in var.tables : {
      for index in concat([""], lookup(var.table_indexes, short, [])) : trimsuffix("${short} ${index}", " ") => {
        table      = short
        dimensions = merge({ TableName = table }, index == "" ? {} : { GlobalSecondaryIndexName = index })
      }
    }
  ]...)

  # Each global table's replication from this region to each other region.
  replicas = {
    for pair in setproduct(var.global_tables, var.replica_regions) :
    "${pair[0]} ${pair[1]}" => { table = var.tables[pair[0]], region = pair[1] }
  }

  # Nodes' alarms are numbered, as the nodes' ids are not known before the cache exists.
  node_count = var.cache.kind == "replication-group" ? var.cache.node_count : 0

  topic_arn = var.alarm_topic_arn != null ? var.alarm_topic_arn : aws_sns_topic.alarms[0].arn
}

resource "aws_sns_topic" "alarms" {
  count = var.alarm_topic_arn == null ? 1 : 0

  name              = "${var.name}-alarms"
  kms_master_key_id = var.alarm_kms_key_arn
  tags              = var.tags
}

data "aws_iam_policy_document" "alarms" {
  statement {
    sid       = "AlarmsOfThisAccount"
    actions   = ["sns:Publish"]
    resources = aws_sns_topic.alarms[*].arn

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }

  dynamic "statement" {
    for_each = aws_budgets_budget.account
    content {
      sid       = "BudgetOfThisAccount"
      actions   = ["sns:Publish"]
      resources = aws_sns_topic.alarms[*].arn

      principals {
        type        = "Service"
        identifiers = ["budgets.amazonaws.com"]
      }

      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [data.aws_caller_identity.current.account_id]
      }
    }
  }
}

resource "aws_sns_topic_policy" "alarms" {
  count = length(aws_sns_topic.alarms)

  arn    = aws_sns_topic.alarms[0].arn
  policy = data.aws_iam_policy_document.alarms.json
}

resource "aws_sns_topic_subscription" "email" {
  for_each = toset(var.alarm_emails)

  topic_arn = local.topic_arn
  protocol  = "email"
  endpoint  = each.value
}

# What the whole account costs: a budget of Tidings alone would need its tags activated for billing.
# AWS computes costs a few times a day, so this tells of a flood within hours, and stops nothing.
# https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-sns-policy.html
resource "aws_budgets_budget" "account" {
  count = var.monthly_budget_usd == null ? 0 : 1

  name         = "${var.name}-monthly"
  budget_type  = "COST"
  limit_amount = var.monthly_budget_usd
  limit_unit   = "USD"
  time_unit    = "MONTHLY"
  tags         = var.tags

  dynamic "notification" {
    for_each = [["ACTUAL", 50], ["ACTUAL", 100], ["FORECASTED", 100]]
    content {
      comparison_operator       = "GREATER_THAN"
      notification_type         = notification.value[0]
      threshold                 = notification.value[1]
      threshold_type            = "PERCENTAGE"
      subscriber_sns_topic_arns = [local.topic_arn]
    }
  }
}
