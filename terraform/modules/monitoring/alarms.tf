# The alarms, as data. For each: its metrics (several are summed), when it fires, how missing data is
# treated (`silence`), and the section of the operations guide that says what to do.
#
# A queue, table or API without traffic reports no data, so missing data is good there. It is bad for
# metrics that a schedule or a running node reports.

locals {
  quiet_is_good = "notBreaching"
  quiet_is_bad  = "breaching"

  alarms = merge(
    {
      for short, queue in local.dead_letters : "dead-letters-${short}" => {
        metrics   = [{ namespace = "AWS/SQS", name = "ApproximateNumberOfMessagesVisible", dimensions = { QueueName = queue } }]
        statistic = "Maximum"
        threshold = short == "outbound-dead" ? local.thresholds.outbound_dead_letters : local.thresholds.dead_letters
        periods   = 1
        of        = 1
        silence   = local.quiet_is_good
        section   = "dead-letters"
        says      = "Jobs failed permanently and wait in ${queue}. No message is lost, but some were not pushed. Find the cause, then redrive."
      }
    },
    {
      for short, queue in local.watched_queues : "queue-age-${short}" => {
        metrics   = [{ namespace = "AWS/SQS", name = "ApproximateAgeOfOldestMessage", dimensions = { QueueName = queue } }]
        statistic = "Maximum"
        threshold = local.thresholds.queue_age_s
        periods   = 3
        of        = 5
        silence   = local.quiet_is_good
        section   = "jobs-wait-too-long"
        says      = "Jobs wait too long in ${queue}: messages are pushed late. Check throttles and errors of its function."
      }
    },
    {
      "delivery-latency" = {
        metrics   = [local.own["delivery_latency_ms"]]
        statistic = "p99"
        threshold = local.thresholds.delivery_latency_p99_ms
        periods   = 3
        of        = 5
        silence   = local.quiet_is_good
        section   = "delivery-is-slow"
        says      = "The p99 of the time from a message's append to its last push is above the threshold."
      }
      "posts-to-retry" = {
        metrics   = [local.own["posts_to_retry"]]
        statistic = "Sum"
        threshold = local.thresholds.posts_to_retry
        periods   = 2
        of        = 2
        silence   = local.quiet_is_good
        section   = "posts-are-throttled"
        says      = "@connections answers 429 or fails: the account's request quota is used up, or many clients read slowly."
      }
      "entries-set-aside" = {
        metrics   = [local.own["entries_set_aside"]]
        statistic = "Sum"
        threshold = local.thresholds.entries_set_aside
        periods   = 1
        of        = 1
        silence   = local.quiet_is_good
        section   = "messages-are-set-aside"
        says      = "Messages could not be delivered for a permanent reason and were set aside; their rooms continue without them. The dead letters in delivery-dead name them."
      }
      "posts-refused" = {
        metrics   = [local.own["posts_refused"]]
        statistic = "Sum"
        threshold = local.thresholds.posts_refused
        periods   = 1
        of        = 1
        silence   = local.quiet_is_good
        section   = "posts-are-refused"
        says      = "@connections refuses posts as too large. Clients get these messages only by sync."
      }
      "limits-open" = {
        metrics   = [local.own["limits_open"]]
        statistic = "Sum"
        threshold = local.thresholds.limits_open
        periods   = 1
        of        = 1
        silence   = local.quiet_is_good
        section   = "redis-is-away"
        says      = "Redis does not answer: rate limits are not applied, polling is refused, everything else is slower."
      }
      "clocks-differ" = {
        metrics   = [local.own["clock_ahead_ms"]]
        statistic = "Maximum"
        threshold = local.thresholds.clock_ahead_ms
        periods   = 1
        of        = 1
        silence   = local.quiet_is_good
        section   = "clocks-differ"
        says      = "The clocks of two regions differ by more than is usual. Beyond a minute, answers can be ordered before their questions."
      }
      "report-silent" = {
        metrics   = [local.own["ActiveConnections"]]
        statistic = "SampleCount"
        threshold = 1
        below     = true
        period_s  = 60
        periods   = 5
        of        = 5
        silence   = local.quiet_is_bad
        section   = "a-schedule-is-silent"
        says      = "The number of connections has not been reported for 5 minutes: the function report fails, its schedule is disabled, or Redis is down."
      }
      "sweep-silent" = {
        metrics   = [{ namespace = "AWS/Lambda", name = "Invocations", dimensions = { FunctionName = var.functions["sweep"] } }]
        statistic = "Sum"
        threshold = 1
        below     = true
        period_s  = 60
        periods   = 5
        of        = 5
        silence   = local.quiet_is_bad
        section   = "a-schedule-is-silent"
        says      = "The sweep has not run for 5 minutes: lost connections stay shown as online, and open connections with expired tokens are not closed."
      }
      "concurrency" = {
        metrics   = [{ namespace = "AWS/Lambda", name = "ConcurrentExecutions", dimensions = {} }]
        statistic = "Maximum"
        threshold = local.thresholds.concurrent_executions
        period_s  = 60
        periods   = 3
        of        = 5
        silence   = local.quiet_is_good
        section   = "functions-are-throttled"
        says      = "The account is close to its quota of concurrent executions in this region. Request a higher quota before functions are throttled."
      }
      "connects" = {
        metrics   = [for api in var.websocket_apis : { namespace = "AWS/ApiGateway", name = "ConnectCount", dimensions = { ApiId = api.id, Stage = api.stage } }]
        statistic = "Sum"
        threshold = local.thresholds.connects_per_minute
        period_s  = 60
        periods   = 1
        of        = 1
        silence   = local.quiet_is_good
        section   = "connects-come-near-their-quota"
        says      = "New connections are close to the account's quota. Above it, API Gateway answers 429 and clients retry later."
      }
      "http-5xx" = {
        metrics   = [{ namespace = "AWS/ApiGateway", name = "5xx", dimensions = { ApiId = var.http_api_id, Stage = "$default" } }]
        statistic = "Sum"
        threshold = local.thresholds.http_5xx
        periods   = 1
        of        = 1
        silence   = local.quiet_is_good
        section   = "an-api-fails"
        says      = "The HTTP API answers requests with 5xx."
      }
    },
    {
      for api in var.websocket_apis : "websocket-errors-${api.stage}" => {
        metrics   = [for name in ["IntegrationError", "ExecutionError"] : { namespace = "AWS/ApiGateway", name = name, dimensions = { ApiId = api.id, Stage = api.stage } }]
        statistic = "Sum"
        threshold = local.thresholds.websocket_errors
        periods   = 1
        of        = 1
        silence   = local.quiet_is_good
        section   = "an-api-fails"
        says      = "Frames or connects of the WebSocket API ${api.stage} fail with errors of its functions or of API Gateway."
      }
    },
    {
      for short, function in var.functions : "errors-${short}" => {
        metrics   = [{ namespace = "AWS/Lambda", name = "Errors", dimensions = { FunctionName = function } }]
        statistic = "Sum"
        threshold = local.thresholds.function_errors
        periods   = 1
        of        = 1
        silence   = local.quiet_is_good
        section   = "a-function-fails"
        says      = "${function} raises an exception, times out or runs out of memory. Its handlers catch all exceptions, so this is a bug."
      }
    },
    {
      for short, function in var.functions : "throttles-${short}" => {
        metrics   = [{ namespace = "AWS/Lambda", name = "Throttles", dimensions = { FunctionName = function } }]
        statistic = "Sum"
        threshold = local.thresholds.function_throttles
        periods   = 2
        of        = 2
        silence   = local.quiet_is_good
        section   = "functions-are-throttled"
        says      = "${function} is throttled. No queued job is lost; frames get an error, connects and requests a 5xx."
      }
    },
    {
      for short, table in var.tables : "table-throttles-${short}" => {
        metrics = flatten([
          for part in values(local.throttled) : [
            for name in ["ReadThrottleEvents", "WriteThrottleEvents"] : { namespace = "AWS/DynamoDB", name = name, dimensions = part.dimensions }
          ] if part.table == short
        ])
        statistic = "Sum"
        threshold = local.thresholds.table_throttles
        periods   = 1
        of        = 1
        silence   = local.quiet_is_good
        section   = "a-table-throttles"
        says      = "DynamoDB throttles ${table} or one of its indexes: a hot key, or traffic that more than doubled within half an hour."
      }
    },
    {
      for pair, replica in local.replicas : "replication-${replace(pair, " ", "-")}" => {
        metrics   = [{ namespace = "AWS/DynamoDB", name = "ReplicationLatency", dimensions = { TableName = replica.table, ReceivingRegion = replica.region } }]
        statistic = "Average"
        threshold = local.thresholds.replication_latency_ms
        period_s  = 60
        periods   = 5
        of        = 10
        silence   = local.quiet_is_good
        section   = "replication-lags"
        says      = "Changes of ${replica.table} reach ${replica.region} late: users there see an outdated history and outdated members."
      }
    },
    length(var.replica_regions) == 0 ? {} : {
      "entries-passed-over" = {
        metrics   = [local.own["entries_passed_over"]]
        statistic = "Sum"
        threshold = local.thresholds.entries_passed_over
        periods   = 1
        of        = 1
        silence   = local.quiet_is_good
        section   = "entries-are-passed-over"
        says      = "Messages of another region have been missing here for so long that delivery continued without them. They are pushed if they arrive."
      }
    },
    var.topic_name == null ? {} : {
      "events-not-published" = {
        metrics   = [local.own["events_not_published"]]
        statistic = "Sum"
        threshold = local.thresholds.events_not_published
        periods   = 1
        of        = 1
        silence   = local.quiet_is_good
        section   = "events-do-not-cross"
        says      = "Typing, open rooms and delivery receipts of this region are not published to the others: SNS or Redis does not answer."
      }
      "events-not-brought" = {
        metrics   = [{ namespace = "AWS/SNS", name = "NumberOfNotificationsFailed", dimensions = { TopicName = var.topic_name } }]
        statistic = "Sum"
        threshold = local.thresholds.events_not_brought
        periods   = 1
        of        = 1
        silence   = local.quiet_is_good
        section   = "events-do-not-cross"
        says      = "SNS could not bring events from ${var.topic_name} to another region's inbox, and gave them up."
      }
    },
    {
      for short, function in local.carriers : "stream-age-${short}" => {
        metrics   = [{ namespace = "AWS/Lambda", name = "IteratorAge", dimensions = { FunctionName = function } }]
        statistic = "Maximum"
        threshold = local.thresholds.stream_age_ms
        period_s  = 60
        periods   = 3
        of        = 5
        silence   = local.quiet_is_good
        section   = "a-stream-is-behind"
        says      = "${function} reads the tables' streams more than a minute late: messages whose senders died are pushed late; with several regions, so are the others' messages, and their kicks and revocations take effect late."
      }
    },
    {
      for short, queue in local.not_carried : "dead-letters-${short}" => {
        metrics   = [{ namespace = "AWS/SQS", name = "ApproximateNumberOfMessagesVisible", dimensions = { QueueName = queue } }]
        statistic = "Maximum"
        threshold = local.thresholds.dead_letters
        periods   = 1
        of        = 1
        silence   = local.quiet_is_good
        section   = "records-were-not-carried"
        says      = "Records of the tables' streams could not be handled for a day, and Lambda gave them up. Messages come by sync; with several regions, check kicks and revocations of that day."
      }
    },
    {
      for index in range(local.node_count) : "redis-cpu-${index}" => {
        metrics   = [{ namespace = "AWS/ElastiCache", name = "EngineCPUUtilization", dimensions = { CacheClusterId = var.cache.nodes[index] } }]
        statistic = "Average"
        threshold = local.thresholds.redis_cpu_percent
        periods   = 2
        of        = 2
        silence   = local.quiet_is_bad
        section   = "redis-is-full-or-busy"
        says      = "The CPU of ${var.cache.nodes[index]} is busy, or the node has stopped reporting."
      }
    },
    {
      for index in range(local.node_count) : "redis-memory-${index}" => {
        metrics   = [{ namespace = "AWS/ElastiCache", name = "DatabaseMemoryUsagePercentage", dimensions = { CacheClusterId = var.cache.nodes[index] } }]
        statistic = "Maximum"
        threshold = local.thresholds.redis_memory_percent
        periods   = 2
        of        = 2
        silence   = local.quiet_is_good # the CPU alarm fires if the node stops reporting
        section   = "redis-is-full-or-busy"
        says      = "${var.cache.nodes[index]} is nearly full. When it is full, keys are evicted, including sessions of polling clients."
      }
    },
    var.cache.kind != "serverless" ? {} : {
      "redis-throttles" = {
        metrics   = [{ namespace = "AWS/ElastiCache", name = "ThrottledCmds", dimensions = { clusterId = var.cache.id } }]
        statistic = "Sum"
        threshold = local.thresholds.redis_throttles
        periods   = 1
        of        = 1
        silence   = local.quiet_is_good
        section   = "redis-is-full-or-busy"
        says      = "The cache throttles commands: its ECPU limit is reached, or traffic grew faster than the cache can scale."
      }
    },
  )
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "${each.value.says} What to do: ${var.guide_url}#${each.value.section}"
  alarm_actions       = [local.topic_arn]
  ok_actions          = [local.topic_arn]
  comparison_operator = try(each.value.below, false) ? "LessThanThreshold" : "GreaterThanThreshold"
  threshold           = each.value.threshold
  evaluation_periods  = each.value.of
  datapoints_to_alarm = each.value.periods
  treat_missing_data  = each.value.silence
  tags                = var.tags

  # A single metric is set directly, several are summed.
  namespace          = length(each.value.metrics) == 1 ? each.value.metrics[0].namespace : null
  metric_name        = length(each.value.metrics) == 1 ? each.value.metrics[0].name : null
  dimensions         = length(each.value.metrics) == 1 ? each.value.metrics[0].dimensions : null
  period             = length(each.value.metrics) == 1 ? try(each.value.period_s, 300) : null
  statistic          = length(each.value.metrics) == 1 && !startswith(each.value.statistic, "p") ? each.value.statistic : null
  extended_statistic = startswith(each.value.statistic, "p") ? each.value.statistic : null
  # With few messages, a percentile has no meaning.
  evaluate_low_sample_count_percentiles = startswith(each.value.statistic, "p") ? "ignore" : null

  dynamic "metric_query" {
    for_each = length(each.value.metrics) == 1 ? [] : each.value.metrics
    content {
      id = "m${metric_query.key}"
      metric {
        namespace   = metric_query.value.namespace
        metric_name = metric_query.value.name
        dimensions  = metric_query.value.dimensions
        stat        = each.value.statistic
        period      = try(each.value.period_s, 300)
      }
    }
  }

  dynamic "metric_query" {
    for_each = length(each.value.metrics) == 1 ? [] : [1]
    content {
      id          = "sum"
      expression  = "SUM(METRICS())"
      label       = "Sum"
      return_data = true
    }
  }
}
