variable "name" {
  description = "Prefix of the names of the dashboard, the alarms and the topic."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9][a-zA-Z0-9-]{0,39}$", var.name))
    error_message = "Use letters, digits and hyphens, at most 40 characters."
  }
}

variable "metrics_namespace" {
  description = "CloudWatch namespace of Tidings' own metrics; the functions get it as TIDINGS_METRICS_NAMESPACE."
  type        = string
  default     = "WeChat/WebSocket"

  validation {
    condition     = can(regex("^[^:][^:]{0,254}$", var.metrics_namespace)) && !startswith(var.metrics_namespace, "AWS/")
    error_message = "Use 1 to 255 characters without a colon, not starting with AWS/."
  }
}

variable "functions" {
  description = "Deployed function names by their names in app.py."
  type        = map(string)

  validation {
    condition     = alltrue([for name in ["websocket_connect", "websocket_message", "deliver", "outbound", "sweep", "report"] : contains(keys(var.functions), name)])
    error_message = "Give all functions of app.py, including sweep and report."
  }
}

variable "queues" {
  description = "Queue names by short name, including dead-letter queues."
  type        = map(string)

  validation {
    condition     = contains(keys(var.queues), "delivery") && contains(keys(var.queues), "outbound")
    error_message = "The queues delivery and outbound are required."
  }
}

variable "dead_letter_queues" {
  description = "Which of these queue names are dead-letter queues."
  type        = set(string)

  validation {
    condition     = length(setsubtract(var.dead_letter_queues, values(var.queues))) == 0
    error_message = "Every dead-letter queue must also be in `queues`."
  }
}

variable "tables" {
  description = "Table names by short name."
  type        = map(string)
}

variable "table_indexes" {
  description = "Names of the tables' global secondary indexes, by the table's short name."
  type        = map(list(string))
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.table_indexes), keys(var.tables))) == 0
    error_message = "Every table in `table_indexes` must also be in `tables`."
  }

  validation {
    condition     = alltrue([for indexes in values(var.table_indexes) : length(indexes) <= 4])
    error_message = "At most 4 indexes per table: an alarm can sum 10 metrics, reads and writes of a table and of 4 indexes."
  }
}

variable "topic_name" {
  description = "With several regions: the name of the topic that brings events to the others."
  type        = string
  default     = null
}

variable "websocket_apis" {
  description = "The WebSocket APIs, one per shard."
  type = list(object({
    id    = string
    stage = string
  }))

  validation {
    condition     = length(var.websocket_apis) > 0
    error_message = "Give at least one WebSocket API."
  }

  validation {
    condition     = length(var.websocket_apis) <= 10
    error_message = "At most 10 WebSocket APIs: an alarm can sum 10 metrics, and one alarm sums the new connections of all shards."
  }
}

variable "http_api_id" {
  description = "The id of the HTTP API."
  type        = string
}

variable "cache" {
  description = "The cache: kind serverless, replication-group or external; its id; for a replication group also the number and ids of its nodes, such as tidings-0001-001. An external cache has no metrics here."
  type = object({
    kind       = string
    id         = optional(string)
    nodes      = optional(list(string), [])
    node_count = optional(number, 0)
  })

  validation {
    condition     = contains(["serverless", "replication-group", "external"], var.cache.kind)
    error_message = "Give serverless, replication-group or external."
  }

  validation {
    condition     = var.cache.kind != "replication-group" || (var.cache.node_count > 0 && length(var.cache.nodes) >= var.cache.node_count)
    error_message = "A replication group needs node_count and nodes, as each node has its own alarms."
  }
}

variable "replica_regions" {
  description = "Regions to which global tables are replicated."
  type        = set(string)
  default     = []
}

variable "global_tables" {
  description = "Short names of the replicated tables. Required with replica regions."
  type        = set(string)
  default     = []

  validation {
    condition     = length(var.replica_regions) == 0 || length(var.global_tables) > 0
    error_message = "Replica regions need `global_tables`; otherwise replication would not be monitored."
  }

  validation {
    condition     = length(setsubtract(var.global_tables, keys(var.tables))) == 0
    error_message = "Every global table must also be in `tables`."
  }
}

variable "alarm_topic_arn" {
  description = "ARN of the SNS topic for alarms; null creates one."
  type        = string
  default     = null

  validation {
    condition     = var.alarm_topic_arn == null || can(regex("^arn:[^:]+:sns:", var.alarm_topic_arn))
    error_message = "Give the ARN of an SNS topic."
  }
}

variable "alarm_emails" {
  description = "Email addresses to subscribe to the created topic. Each must confirm the subscription by the email it gets."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.alarm_emails) == 0 || var.alarm_topic_arn == null
    error_message = "With alarm_topic_arn, subscribe the addresses where that topic is created; leave alarm_emails empty."
  }
}

variable "alarm_kms_key_arn" {
  description = "ARN of a key that encrypts the created topic; its policy must let cloudwatch.amazonaws.com use it. null means no key; alarms contain only names and numbers."
  type        = string
  default     = null
}

variable "guide_url" {
  description = "URL or path of the operations guide, which each alarm's description links to."
  type        = string
  default     = "docs/how-to/operate.md"
}

variable "thresholds" {
  description = <<-EOT
    Alarms fire above these values.
    delivery_latency_p99_ms: time from the append of an entry to the last post of its delivery.
    queue_age_s: age of the oldest job in delivery, outbound or inbox.
    dead_letters: number in delivery's dead-letter queue. outbound_dead_letters: number in outbound's, which
    also has messages for clients that read too slowly.
    entries_set_aside: messages in 5 minutes that could not be delivered and were set aside.
    entries_passed_over: missing messages of another region in 5 minutes that delivery no longer waited for.
    events_not_published, events_not_brought: events for other regions in 5 minutes that were not published, or
    that SNS gave up.
    function_errors, function_throttles: errors and throttles of one function in 5 minutes.
    concurrent_executions: of all functions in the account and region (quota: 1,000, often less in new accounts).
    posts_to_retry: posts in 5 minutes that were throttled (429) or failed.
    posts_refused: posts in 5 minutes that were too large.
    websocket_errors: integration and execution errors of one WebSocket API in 5 minutes.
    http_5xx: 5xx answers of the HTTP API in 5 minutes.
    connects_per_minute: new connections of all shards (quota: 500 per second).
    table_throttles: throttled reads and writes of one table in 5 minutes.
    replication_latency_ms: replication time of a global table to one region.
    stream_age_ms: age of the records that the function replicated reads.
    redis_cpu_percent, redis_memory_percent: of one node. redis_throttles: throttled commands of a serverless
    cache in 5 minutes.
    limits_open: frames in 5 minutes for which no rate limit was checked, because Redis was down.
    clock_ahead_ms: how far a message of another region is ahead of this region's clock.
  EOT
  type        = map(number)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.thresholds), keys(local.default_thresholds))) == 0
    error_message = "Unknown threshold; use the names in the description of `thresholds`."
  }

  validation {
    condition     = alltrue([for threshold in values(var.thresholds) : threshold >= 0])
    error_message = "Thresholds must not be negative."
  }

  validation {
    condition     = alltrue([for name, threshold in var.thresholds : threshold <= 100 if endswith(name, "_percent")])
    error_message = "A percentage must be at most 100."
  }
}

variable "tags" {
  description = "Tags of the alarms and the topic."
  type        = map(string)
  default     = {}
}

variable "monthly_budget_usd" {
  description = "A budget of the whole account: a notification to the alarms' topic at half of it, at all of it, and when AWS expects that. null for none. Set it in one region only."
  type        = number
  default     = null

  validation {
    condition     = var.monthly_budget_usd == null || try(var.monthly_budget_usd > 0, false)
    error_message = "Give an amount above 0."
  }
}
