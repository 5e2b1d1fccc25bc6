# The module's resources for given variables, on a mocked provider.

mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { id = "us-east-1" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:us-east-1:123456789012:tidings-alarms" }
  }
  mock_resource "aws_cloudwatch_metric_alarm" {
    defaults = { arn = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:one" }
  }
}

variables {
  name = "tidings"
  functions = {
    for name in ["websocket_connect", "websocket_message", "websocket_disconnect", "api_handler", "deliver", "outbound", "sweep", "report"] :
    name => "tidings-${name}"
  }
  queues = {
    delivery        = "tidings-delivery.fifo"
    "delivery-dead" = "tidings-delivery-dead.fifo"
    outbound        = "tidings-outbound"
    "outbound-dead" = "tidings-outbound-dead"
  }
  dead_letter_queues = ["tidings-delivery-dead.fifo", "tidings-outbound-dead"]
  tables             = { messages = "tidings-messages", connections = "tidings-connections" }
  table_indexes      = { messages = [], connections = ["user_id-connection_id-index"] }
  websocket_apis     = [{ id = "abc123", stage = "prod" }]
  http_api_id        = "def456"
  cache              = { kind = "serverless", id = "tidings" }
}

run "a_region_by_itself" {
  assert {
    # 2 dead-letter queues, 2 queues, 8 functions twice, 2 tables, 1 API, 11 of the whole, and Redis.
    condition     = length(output.alarm_names) == 2 + 2 + 16 + 2 + 1 + 11 + 1
    error_message = "Each part has its alarms."
  }
  assert {
    condition = { for key, alarm in aws_cloudwatch_metric_alarm.this : key => join(" ", compact([alarm.namespace, alarm.metric_name, alarm.statistic, alarm.extended_statistic])) if alarm.metric_name != null } == merge(
      { for short, _ in var.functions : "errors-${short}" => "AWS/Lambda Errors Sum" },
      { for short, _ in var.functions : "throttles-${short}" => "AWS/Lambda Throttles Sum" },
      { for short in ["delivery", "outbound"] : "queue-age-${short}" => "AWS/SQS ApproximateAgeOfOldestMessage Maximum" },
      { for short in ["delivery-dead", "outbound-dead"] : "dead-letters-${short}" => "AWS/SQS ApproximateNumberOfMessagesVisible Maximum" },
      {
        delivery-latency  = "WeChat/WebSocket delivery_latency_ms p99"
        posts-to-retry    = "WeChat/WebSocket posts_to_retry Sum"
        posts-refused     = "WeChat/WebSocket posts_refused Sum"
        entries-set-aside = "WeChat/WebSocket entries_set_aside Sum"
        limits-open       = "WeChat/WebSocket limits_open Sum"
        clocks-differ     = "WeChat/WebSocket clock_ahead_ms Maximum"
        report-silent     = "WeChat/WebSocket ActiveConnections SampleCount"
        sweep-silent      = "AWS/Lambda Invocations Sum"
        concurrency       = "AWS/Lambda ConcurrentExecutions Maximum"
        connects          = "AWS/ApiGateway ConnectCount Sum"
        http-5xx          = "AWS/ApiGateway 5xx Sum"
        redis-throttles   = "AWS/ElastiCache ThrottledCmds Sum"
      },
    )
    error_message = "Each alarm measures what its name says."
  }
  assert {
    condition = alltrue(concat(
      [for short, name in var.functions : alltrue([for kind in ["errors", "throttles"] : aws_cloudwatch_metric_alarm.this["${kind}-${short}"].dimensions == tomap({ FunctionName = name })])],
      [for short in ["delivery", "outbound"] : aws_cloudwatch_metric_alarm.this["queue-age-${short}"].dimensions == tomap({ QueueName = var.queues[short] })],
      [for short in ["delivery-dead", "outbound-dead"] : aws_cloudwatch_metric_alarm.this["dead-letters-${short}"].dimensions == tomap({ QueueName = var.queues[short] })],
      [aws_cloudwatch_metric_alarm.this["sweep-silent"].dimensions == tomap({ FunctionName = "tidings-sweep" })],
      [aws_cloudwatch_metric_alarm.this["connects"].dimensions == tomap({ ApiId = "abc123", Stage = "prod" })],
      [aws_cloudwatch_metric_alarm.this["http-5xx"].dimensions == tomap({ ApiId = "def456", Stage = "$default" })],
      [aws_cloudwatch_metric_alarm.this["redis-throttles"].dimensions == tomap({ clusterId = "tidings" })],
    ))
    error_message = "Each alarm is of what its name says."
  }
  assert {
    condition     = toset([for key, alarm in aws_cloudwatch_metric_alarm.this : key if alarm.comparison_operator != "GreaterThanThreshold"]) == toset(["report-silent", "sweep-silent"]) && alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.datapoints_to_alarm <= alarm.evaluation_periods])
    error_message = "Alarms for missing data compare below the threshold, all others above, and each can fire."
  }
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : [for query in alarm.metric_query : query.expression if query.return_data == true] == ["SUM(METRICS())"] if alarm.metric_name == null])
    error_message = "Several metrics are one sum."
  }
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : can(regex("docs/how-to/operate.md#[a-z-]+$", alarm.alarm_description))])
    error_message = "Each alarm says what to do."
  }
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_actions == toset([output.alarm_topic_arn]) && alarm.ok_actions == alarm.alarm_actions])
    error_message = "Each alarm must notify the topic, both when it fires and when it ends."
  }
  assert {
    condition     = toset([for key, alarm in aws_cloudwatch_metric_alarm.this : key if alarm.treat_missing_data != "notBreaching"]) == toset(["report-silent", "sweep-silent"])
    error_message = "Only metrics that a schedule reports must treat missing data as bad."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["dead-letters-delivery-dead"].dimensions == tomap({ QueueName = "tidings-delivery-dead.fifo" }) && aws_cloudwatch_metric_alarm.this["dead-letters-delivery-dead"].threshold == 0
    error_message = "One dead letter is one too many."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["delivery-latency"].extended_statistic == "p99" && aws_cloudwatch_metric_alarm.this["delivery-latency"].namespace == "WeChat/WebSocket" && length(aws_cloudwatch_metric_alarm.this["delivery-latency"].dimensions) == 0
    error_message = "Embedded metrics have no dimension."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["report-silent"].dimensions == tomap({ Region = "us-east-1" }) && aws_cloudwatch_metric_alarm.this["report-silent"].comparison_operator == "LessThanThreshold"
    error_message = "The report says its region."
  }
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.this["table-throttles-messages"].metric_query) == 3
    error_message = "Reads and writes are summed."
  }
  assert {
    condition = [for query in aws_cloudwatch_metric_alarm.this["table-throttles-connections"].metric_query : query.metric[0].dimensions if length(query.metric) > 0] == [
      tomap({ TableName = "tidings-connections" }),
      tomap({ TableName = "tidings-connections" }),
      tomap({ TableName = "tidings-connections", GlobalSecondaryIndexName = "user_id-connection_id-index" }),
      tomap({ TableName = "tidings-connections", GlobalSecondaryIndexName = "user_id-connection_id-index" }),
    ]
    error_message = "An index has throttles of its own, which the table's metric does not count."
  }
  assert {
    condition     = length(aws_sns_topic.alarms) == 1 && length(aws_sns_topic_subscription.email) == 0
    error_message = "The topic is created."
  }
}

run "the_dashboard_shows_all_metrics_of_ours" {
  variables { topic_name = "tidings-broadcast" }
  assert {
    condition = length(setsubtract(
      keys(jsondecode(file("metrics.json"))),
      flatten([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : [for metric in try(widget.properties.metrics, []) : metric[1] if metric[0] == "WeChat/WebSocket"]]),
    )) == 0
    error_message = "Each metric that the functions emit is on the dashboard."
  }
  assert {
    condition = length(setsubtract(
      ["AWS/SQS ApproximateAgeOfOldestMessage", "AWS/SQS ApproximateNumberOfMessagesVisible", "AWS/Lambda Errors", "AWS/Lambda Throttles", "AWS/DynamoDB ReadThrottleEvents", "AWS/ApiGateway ConnectCount", "AWS/ElastiCache ThrottledCmds"],
      flatten([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : [for metric in try(widget.properties.metrics, []) : "${metric[0]} ${metric[1]}"]]),
    )) == 0
    error_message = "So are queues, functions, tables, APIs and Redis."
  }
  assert {
    condition = toset([
      for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : widget.properties.metrics
      if try(widget.properties.title, "") == "Delivery latency, ms"
      ]) == toset([[
        ["WeChat/WebSocket", "delivery_latency_ms", { label = "p50", stat = "p50" }],
        ["WeChat/WebSocket", "delivery_latency_ms", { label = "p99", stat = "p99" }],
    ]])
    error_message = "Latency has p50 and p99."
  }
  assert {
    condition = contains(flatten([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : [
      for metric in try(widget.properties.metrics, []) : jsonencode(slice(metric, 0, length(metric) - 1))
    ]]), jsonencode(["AWS/DynamoDB", "WriteThrottleEvents", "GlobalSecondaryIndexName", "user_id-connection_id-index", "TableName", "tidings-connections"]))
    error_message = "So has the dashboard."
  }
  assert {
    condition     = alltrue([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : widget.x + widget.width <= 24 && widget.properties != {}])
    error_message = "It is 24 columns wide."
  }
  assert {
    condition     = output.dashboard_name == "tidings-us-east-1"
    error_message = "Dashboards are global, so its name has the region."
  }
}

run "replicas_are_watched" {
  variables {
    replica_regions = ["eu-west-1", "ap-southeast-1"]
    global_tables   = ["messages"]
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["replication-messages-eu-west-1"].dimensions == tomap({ TableName = "tidings-messages", ReceivingRegion = "eu-west-1" })
    error_message = "Each way of replication has its alarm."
  }
  assert {
    condition     = !contains(keys(aws_cloudwatch_metric_alarm.this), "replication-connections-eu-west-1")
    error_message = "A regional table has no replicas."
  }
  assert {
    condition     = strcontains(aws_cloudwatch_dashboard.this.dashboard_body, "ReplicationLatency")
    error_message = "It is on the dashboard."
  }
}

run "what_comes_from_other_regions_is_watched" {
  variables {
    replica_regions = ["eu-west-1"]
    global_tables   = ["messages"]
    functions = {
      for name in ["websocket_connect", "websocket_message", "websocket_disconnect", "api_handler", "deliver", "outbound", "sweep", "report", "replicated"] :
      name => "tidings-${name}"
    }
    queues             = { delivery = "tidings-delivery.fifo", outbound = "tidings-outbound", inbox = "tidings-inbox", inbox-dead = "tidings-inbox-dead", replicated-dead = "tidings-replicated-dead" }
    dead_letter_queues = ["tidings-inbox-dead", "tidings-replicated-dead"]
    topic_name         = "tidings-broadcast"
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["queue-age-inbox"].dimensions == tomap({ QueueName = "tidings-inbox" }) && contains(keys(aws_cloudwatch_metric_alarm.this), "dead-letters-inbox-dead")
    error_message = "The inbox is a queue of jobs like the others."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["events-not-brought"].namespace == "AWS/SNS" && aws_cloudwatch_metric_alarm.this["events-not-brought"].dimensions == tomap({ TopicName = "tidings-broadcast" }) && aws_cloudwatch_metric_alarm.this["events-not-published"].metric_name == "events_not_published"
    error_message = "Events that do not get to other regions must be noticed."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["stream-age-replicated"].dimensions == tomap({ FunctionName = "tidings-replicated" }) && aws_cloudwatch_metric_alarm.this["stream-age-replicated"].threshold == 60000 && !contains(keys(aws_cloudwatch_metric_alarm.this), "stream-age-deliver")
    error_message = "A stream that is a minute behind must be noticed."
  }
  assert {
    condition     = strcontains(aws_cloudwatch_metric_alarm.this["dead-letters-replicated-dead"].alarm_description, "#records-were-not-carried") && aws_cloudwatch_metric_alarm.this["entries-passed-over"].threshold == 0
    error_message = "What was given up has a section of its own in the guide: there is nothing to redrive."
  }
}

run "a_replication_group_is_watched_by_node" {
  variables {
    cache = { kind = "replication-group", id = "tidings", nodes = ["tidings-0001-001", "tidings-0001-002"], node_count = 2 }
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["redis-cpu-1"].dimensions == tomap({ CacheClusterId = "tidings-0001-002" }) && aws_cloudwatch_metric_alarm.this["redis-cpu-1"].treat_missing_data == "breaching" && !contains(keys(aws_cloudwatch_metric_alarm.this), "redis-throttles")
    error_message = "A silent node is a dead node."
  }
}

run "an_external_cache_has_no_metrics_here" {
  variables { cache = { kind = "external" } }
  assert {
    condition     = length([for key, _ in aws_cloudwatch_metric_alarm.this : key if startswith(key, "redis-")]) == 0 && !strcontains(aws_cloudwatch_dashboard.this.dashboard_body, "AWS/ElastiCache")
    error_message = "An external cache has no metrics, so it must have no alarms."
  }
}

run "shards_are_summed_where_the_quota_is_one" {
  variables {
    websocket_apis = [{ id = "a", stage = "ws-0" }, { id = "b", stage = "ws-1" }]
  }
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.this["connects"].metric_query) == 3 && contains(keys(aws_cloudwatch_metric_alarm.this), "websocket-errors-ws-1")
    error_message = "New connections have one quota in the account, errors belong to a shard."
  }
}

run "more_shards_than_an_alarm_can_sum" {
  command = plan
  variables {
    websocket_apis = [for k in range(11) : { id = "api${k}", stage = "ws-${k}" }]
  }
  expect_failures = [var.websocket_apis]
}

run "more_indexes_than_an_alarm_can_sum" {
  command = plan
  variables {
    table_indexes = { connections = ["a", "b", "c", "d", "e"] }
  }
  expect_failures = [var.table_indexes]
}

run "a_topic_of_one_s_own" {
  variables { alarm_topic_arn = "arn:aws:sns:us-east-1:123456789012:pager" }
  assert {
    condition     = length(aws_sns_topic.alarms) == 0 && output.alarm_topic_arn == "arn:aws:sns:us-east-1:123456789012:pager"
    error_message = "No second topic."
  }
}

run "thresholds_can_be_changed" {
  variables { thresholds = { queue_age_s = 5 } }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["queue-age-delivery"].threshold == 5 && aws_cloudwatch_metric_alarm.this["delivery-latency"].threshold == 2000
    error_message = "Each threshold is a variable."
  }
}

run "an_unknown_threshold_is_refused" {
  command = plan
  variables { thresholds = { queue_age = 5 } }
  expect_failures = [var.thresholds]
}

run "a_negative_threshold_is_refused" {
  command = plan
  variables { thresholds = { queue_age_s = -1 } }
  expect_failures = [var.thresholds]
}

run "replicas_without_tables_are_refused" {
  command = plan
  variables { replica_regions = ["eu-west-1"] }
  expect_failures = [var.global_tables]
}

run "the_schedules_must_be_there" {
  command = plan
  variables { functions = { deliver = "tidings-deliver" } }
  expect_failures = [var.functions]
}

run "nodes_must_be_named" {
  command = plan
  variables { cache = { kind = "replication-group", id = "tidings" } }
  expect_failures = [var.cache]
}

run "a_dead_letter_queue_is_a_queue" {
  command = plan
  variables { dead_letter_queues = ["tidings-nobody-dead"] }
  expect_failures = [var.dead_letter_queues]
}

run "no_budget_by_default" {
  command = plan

  assert {
    condition     = length(aws_budgets_budget.account) == 0
    error_message = "A budget is of the whole account, so it is there only if it was asked for."
  }
}

run "a_budget_tells_the_alarms_topic" {
  variables {
    monthly_budget_usd = 500
  }

  assert {
    condition     = aws_budgets_budget.account[0].limit_amount == "500" && alltrue([for each in aws_budgets_budget.account[0].notification : each.subscriber_sns_topic_arns == toset([aws_sns_topic.alarms[0].arn])])
    error_message = "Its notifications go where the alarms go."
  }
  assert {
    condition     = toset([for each in aws_budgets_budget.account[0].notification : "${each.notification_type} ${each.threshold}"]) == toset(["ACTUAL 50", "ACTUAL 100", "FORECASTED 100"])
    error_message = "At half of the budget, at all of it, and when that is to be expected."
  }
}
