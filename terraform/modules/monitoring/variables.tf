variable "name" {
  description = "Prefix of the names of dashboard, alarms and topic."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9][a-zA-Z0-9-]{0,39}$", var.name))
    error_message = "Letters, digits and hyphens, 40 at most."
  }
}

variable "metrics_namespace" {
  description = "CloudWatch namespace of Tidings' own metrics: TIDINGS_METRICS_NAMESPACE of the functions."
  type        = string
  default     = "WeChat/WebSocket"

  validation {
    condition     = can(regex("^[^:][^:]{0,254}$", var.metrics_namespace)) && !startswith(var.metrics_namespace, "AWS/")
    error_message = "1 to 255 characters, no colon, not beginning with AWS/."
  }
}

variable "functions" {
  description = "Deployed function names by their names in app.py."
  type        = map(string)

  validation {
    condition     = alltrue([for name in ["websocket_connect", "websocket_message", "deliver", "outbound", "sweep", "report"] : contains(keys(var.functions), name)])
    error_message = "The functions of app.py, sweep and report among them: their silence is an alarm."
  }
}

variable "queues" {
  description = "Queue names by short name, dead-letter queues included."
  type        = map(string)

  validation {
    condition     = contains(keys(var.queues), "delivery") && contains(keys(var.queues), "outbound")
    error_message = "The queues delivery and outbound are needed."
  }
}

variable "dead_letter_queues" {
  description = "Which of these queue names are dead-letter queues."
  type        = set(string)

  validation {
    condition     = length(setsubtract(var.dead_letter_queues, values(var.queues))) == 0
    error_message = "A dead-letter queue is one of the queues."
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
    error_message = "Indexes are of the tables."
  }

  validation {
    condition     = alltrue([for indexes in values(var.table_indexes) : length(indexes) <= 4])
    error_message = "An alarm sums 10 metrics at most: reads and writes of a table and of 4 indexes."
  }
}

variable "websocket_apis" {
  description = "The WebSocket APIs, one a shard."
  type = list(object({
    id    = string
    stage = string
  }))

  validation {
    condition     = length(var.websocket_apis) > 0
    error_message = "At least one WebSocket API."
  }

  validation {
    condition     = length(var.websocket_apis) <= 10
    error_message = "An alarm sums 10 metrics at most, and new connections are watched over all shards."
  }
}

variable "http_api_id" {
  description = "The HTTP API."
  type        = string
}

variable "cache" {
  description = "The cache: kind serverless, replication-group or external; its id; of a replication group also the number and the ids of its nodes, such as tidings-0001-001. An external cache has no metrics here."
  type = object({
    kind       = string
    id         = optional(string)
    nodes      = optional(list(string), [])
    node_count = optional(number, 0)
  })

  validation {
    condition     = contains(["serverless", "replication-group", "external"], var.cache.kind)
    error_message = "serverless, replication-group or external."
  }

  validation {
    condition     = var.cache.kind != "replication-group" || (var.cache.node_count > 0 && length(var.cache.nodes) >= var.cache.node_count)
    error_message = "Nodes of a replication group are watched one by one: their number and ids are needed."
  }
}

variable "replica_regions" {
  description = "Regions that global tables are replicated to."
  type        = set(string)
  default     = []
}

variable "global_tables" {
  description = "Short names of the tables that are replicated. Needed with replica regions."
  type        = set(string)
  default     = []

  validation {
    condition     = length(var.replica_regions) == 0 || length(var.global_tables) > 0
    error_message = "Replica regions without global tables: nobody would see that replication lags."
  }

  validation {
    condition     = length(setsubtract(var.global_tables, keys(var.tables))) == 0
    error_message = "A global table is one of the tables."
  }
}

variable "alarm_topic_arn" {
  description = "The SNS topic that alarms go to. Null: one is created."
  type        = string
  default     = null

  validation {
    condition     = var.alarm_topic_arn == null || can(regex("^arn:[^:]+:sns:", var.alarm_topic_arn))
    error_message = "The ARN of an SNS topic."
  }
}

variable "alarm_emails" {
  description = "Addresses subscribed to the created topic; each confirms by the mail it gets."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.alarm_emails) == 0 || var.alarm_topic_arn == null
    error_message = "Subscribe to a topic of your own where it is made."
  }
}

variable "alarm_kms_key_arn" {
  description = "Encrypts the created topic; its policy must let cloudwatch.amazonaws.com use it. Null: the topic is not encrypted by a key; alarms carry names and numbers only."
  type        = string
  default     = null
}

variable "guide_url" {
  description = "Where the operations guide is, which each alarm names."
  type        = string
  default     = "docs/how-to/operate.md"
}

variable "thresholds" {
  description = <<-EOT
    When alarms go off: above these.
    delivery_latency_p99_ms: from the append to the last post of a delivery.
    queue_age_s: of the oldest job in delivery or outbound.
    dead_letters: more of them in delivery's dead-letter queue than this; outbound_dead_letters: in outbound's,
    where also lies what clients did not take that read too slowly.
    entries_set_aside: messages in 5 minutes that could not be delivered and were set aside.
    function_errors: of one function in 5 minutes. function_throttles: the same.
    concurrent_executions: of all functions of the account and region (quota: 1,000, often less in new accounts).
    posts_to_retry: posts in 5 minutes that met a throttle (429) or a fault.
    posts_refused: posts in 5 minutes that were too large.
    websocket_errors: integration and execution errors of one WebSocket API in 5 minutes.
    http_5xx: of the HTTP API in 5 minutes.
    connects_per_minute: of all shards (quota: 500 a second).
    table_throttles: throttled reads and writes of one table in 5 minutes.
    replication_latency_ms: of a global table to one region.
    redis_cpu_percent, redis_memory_percent: of a node. redis_throttles: commands of a serverless cache in 5 minutes.
    limits_open: frames in 5 minutes that no limit was checked for, as Redis was away.
  EOT
  type        = map(number)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.thresholds), keys(local.default_thresholds))) == 0
    error_message = "A threshold that no alarm has."
  }

  validation {
    condition     = alltrue([for threshold in values(var.thresholds) : threshold >= 0])
    error_message = "No threshold is negative."
  }

  validation {
    condition     = alltrue([for name, threshold in var.thresholds : threshold <= 100 if endswith(name, "_percent")])
    error_message = "A percentage is 100 at most."
  }
}

variable "tags" {
  description = "Tags of alarms and topic."
  type        = map(string)
  default     = {}
}
