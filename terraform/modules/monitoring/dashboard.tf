# The dashboard: first what users notice, then the stages of delivery, then the services below.

locals {
  # A dashboard's format of a metric: [namespace, name, dimension, value, …, options].
  charts = concat(
    [
      { title = "Connections", stat = "Maximum", metrics = [merge(local.own["ActiveConnections"], { label = "open" })] },
      { title = "Messages per second", stat = "Average", metrics = [merge(local.own["MessageRate"], { label = "delivered" })] },
      { title = "Delivery latency, ms", stat = "p50", metrics = [
        merge(local.own["delivery_latency_ms"], { label = "p50", stat = "p50" }),
        merge(local.own["delivery_latency_ms"], { label = "p99", stat = "p99" }),
      ] },
      { title = "Posts: delivered, gone (410), refused, to retry (429)", stat = "Sum", metrics = [
        for name in ["posts_delivered", "posts_gone", "posts_refused", "posts_to_retry"] : merge(local.own[name], { label = name })
      ] },
      { title = "Entries delivered, set aside, passed over; sockets recovered", stat = "Sum", metrics = [
        for name in ["entries_delivered", "entries_set_aside", "entries_passed_over", "recoveries"] : merge(local.own[name], { label = name })
      ] },
      { title = "Limits: frames refused, frames not checked", stat = "Sum", metrics = [
        for name in ["rate_limited", "limits_open"] : merge(local.own[name], { label = name })
      ] },
      { title = "Clocks of other regions ahead, ms", stat = "Maximum", metrics = [
        merge(local.own["clock_ahead_ms"], { label = "ahead" }),
      ] },
      { title = "Age of the oldest job, s", stat = "Maximum", metrics = [
        for short, queue in local.work_queues : { namespace = "AWS/SQS", name = "ApproximateAgeOfOldestMessage", dimensions = { QueueName = queue }, label = short }
      ] },
      { title = "Jobs waiting", stat = "Maximum", metrics = [
        for short, queue in local.work_queues : { namespace = "AWS/SQS", name = "ApproximateNumberOfMessagesVisible", dimensions = { QueueName = queue }, label = short }
      ] },
      { title = "Dead letters", stat = "Maximum", metrics = [
        for short, queue in local.dead_queues : { namespace = "AWS/SQS", name = "ApproximateNumberOfMessagesVisible", dimensions = { QueueName = queue }, label = short }
      ] },
      { title = "New connections", stat = "Sum", metrics = [
        for api in var.websocket_apis : { namespace = "AWS/ApiGateway", name = "ConnectCount", dimensions = { ApiId = api.id, Stage = api.stage }, label = api.stage }
      ] },
      { title = "Frames, both ways", stat = "Sum", metrics = [
        for api in var.websocket_apis : { namespace = "AWS/ApiGateway", name = "MessageCount", dimensions = { ApiId = api.id, Stage = api.stage }, label = api.stage }
      ] },
      { title = "Errors of the WebSocket APIs", stat = "Sum", metrics = flatten([
        for api in var.websocket_apis : [
          for name in ["IntegrationError", "ExecutionError", "ClientError"] :
          { namespace = "AWS/ApiGateway", name = name, dimensions = { ApiId = api.id, Stage = api.stage }, label = "${api.stage} ${name}" }
        ]
      ]) },
      { title = "HTTP requests and errors", stat = "Sum", metrics = [
        for name in ["Count", "4xx", "5xx"] : { namespace = "AWS/ApiGateway", name = name, dimensions = { ApiId = var.http_api_id, Stage = "$default" }, label = name }
      ] },
      { title = "HTTP latency p99, ms", stat = "p99", metrics = [
        { namespace = "AWS/ApiGateway", name = "Latency", dimensions = { ApiId = var.http_api_id, Stage = "$default" }, label = "all routes" }
      ] },
    ],
    [
      for name, stat in { Errors = "Sum", Throttles = "Sum", Duration = "p99", ConcurrentExecutions = "Maximum" } : {
        title = "Functions: ${name}${name == "Duration" ? " p99, ms" : ""}", stat = stat, metrics = [
          for short, function in var.functions : { namespace = "AWS/Lambda", name = name, dimensions = { FunctionName = function }, label = short }
        ]
      }
    ],
    [
      for name in ["ReadThrottleEvents", "WriteThrottleEvents"] : {
        title = "Tables: ${name}", stat = "Sum", metrics = [
          for label, part in local.throttled : { namespace = "AWS/DynamoDB", name = name, dimensions = part.dimensions, label = label }
        ]
      }
    ],
    var.topic_name == null ? [] : [
      { title = "Events: published and not, relayed, too late", stat = "Sum", metrics = [
        for name in ["events_published", "events_not_published", "events_relayed", "events_too_late"] : merge(local.own[name], { label = name })
      ] },
    ],
    length(local.replicas) == 0 ? [] : [
      { title = "Replication latency, ms", stat = "Average", metrics = [
        for pair, replica in local.replicas : { namespace = "AWS/DynamoDB", name = "ReplicationLatency", dimensions = { TableName = replica.table, ReceivingRegion = replica.region }, label = pair }
      ] },
    ],
    [
      for name, stat in local.redis : {
        title = "Redis: ${name}", stat = stat, metrics = [
          for id in local.redis_ids : { namespace = "AWS/ElastiCache", name = name, dimensions = { (local.redis_dimension) = id }, label = id }
        ]
      }
    ],
  )

  # A serverless cache reports metrics by cluster, a replication group by node.
  redis_dimension = var.cache.kind == "serverless" ? "clusterId" : "CacheClusterId"
  redis_ids       = var.cache.kind == "serverless" ? [var.cache.id] : var.cache.nodes
  redis = {
    "serverless"        = { ElastiCacheProcessingUnits = "Sum", BytesUsedForCache = "Maximum", ThrottledCmds = "Sum", CurrConnections = "Maximum" }
    "replication-group" = { EngineCPUUtilization = "Average", DatabaseMemoryUsagePercentage = "Maximum", Evictions = "Sum", CurrConnections = "Maximum" }
    "external"          = {}
  }[var.cache.kind]

  widgets = [
    for index, chart in local.charts : {
      type   = "metric"
      x      = (index % 3) * 8
      y      = 4 + floor(index / 3) * 6
      width  = 8
      height = 6
      properties = {
        title  = chart.title
        region = local.region
        view   = "timeSeries"
        period = 60
        stat   = chart.stat
        yAxis  = { left = { min = 0 } }
        metrics = [
          for metric in chart.metrics : concat(
            [metric.namespace, metric.name],
            flatten([for dimension, value in metric.dimensions : [dimension, value]]),
            [merge({ label = metric.label }, can(metric.stat) ? { stat = metric.stat } : {})],
          )
        ]
      }
    }
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = "${var.name}-${local.region}"
  dashboard_body = jsonencode({
    widgets = concat(
      [{
        type       = "alarm", x = 0, y = 0, width = 24, height = 4
        properties = { title = "Alarms (each description says what to do)", alarms = [for alarm in aws_cloudwatch_metric_alarm.this : alarm.arn] }
      }],
      local.widgets,
    )
  })
}
