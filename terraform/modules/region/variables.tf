variable "name" {
  description = "Prefix of all names; the functions get it as TIDINGS_PREFIX. It must be the same in all regions of a deployment, and unique in the account."
  type        = string
  default     = "tidings"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,23}$", var.name))
    error_message = "Use lower-case letters, digits and hyphens, at most 24 characters, starting with a letter."
  }
}

variable "package_dir" {
  description = "Directory to which `tidings package` wrote deployment.zip, chalice.tf.json and package.json, relative to Terraform's working directory."
  type        = string
}

variable "primary" {
  description = "Whether this region creates the global tables and the secret; exactly one region must."
  type        = bool
  default     = true
}

variable "peers" {
  description = "All regions of the deployment by name, with or without this one: their output `broadcast`. The primary region creates replicas of the global tables and the secret in the others."
  type = map(object({
    topic_arn = string
    inbox_arn = string
    endpoint  = optional(map(object({ websocket = string, health = string })), {})
  }))
  default = {}

  # Not a validation of `regions`, which must not depend on `peers`: those depend on it.
  validation {
    condition     = length(var.regions) == 0 ? length(var.peers) < 2 : length(setsubtract(keys(var.peers), var.regions)) == 0
    error_message = "Name all regions in `regions`, in the same order everywhere."
  }
}

variable "regions" {
  description = "The names of all regions, in the same order in all of them; [] for this one alone. Add new ones at the end, keep those that were given up, and never change the order: chosen room ids are claimed in the first one. Unlike `peers`, it must not depend on a module."
  type        = list(string)
  default     = []
}

variable "streams" {
  description = "In a region that is not primary: the streams of its replicas, from the output `replica_streams` of the primary."
  type        = map(string)
  default     = {}
}

variable "tables" {
  description = "Point-in-time recovery, deletion protection and the most units a second of the tables; see modules/tables."
  type = object({
    point_in_time_recovery = optional(bool, true)
    deletion_protection    = optional(bool, true)
    table_class            = optional(string, "STANDARD")
    on_demand_throughput   = optional(object({ read_units = number, write_units = number }))
  })
  default = {}
}

variable "cache" {
  description = "The cache: kind serverless, replication-group or external; modules/cache has the prices."
  type = object({
    kind              = optional(string, "serverless")
    url               = optional(string)
    url_is_cluster    = optional(bool, false)
    node_type         = optional(string, "cache.t4g.small")
    shards            = optional(number, 1)
    replicas          = optional(number, 1)
    serverless_limits = optional(object({ data_gb = number, ecpu_per_second = number }), { data_gb = 10, ecpu_per_second = 30000 })
  })
  default = {}
}

variable "network" {
  description = "The VPC; modules/network has the prices. With an external cache there is no VPC unless `create` is true: outside a VPC, functions start faster, can reach all public addresses and need no paid egress. With `existing`, a VPC that others made is used; see modules/existing-network."
  type = object({
    create              = optional(bool, false)
    cidr                = optional(string, "10.60.0.0/16")
    zones               = optional(number, 2)
    zone_names          = optional(list(string))
    egress              = optional(string, "nat")
    interface_endpoints = optional(set(string))
    flow_log_days       = optional(number)
    existing            = optional(object({ vpc_id = string, subnet_ids = list(string), ipv6 = optional(bool, false) }))
  })
  default = {}
}

variable "app" {
  description = "Functions and APIs; see modules/app."
  type = object({
    shards = optional(number, 1)
    stage  = optional(string, "prod")
    domains = optional(object({
      websocket = object({ name = string, certificate_arn = string })
      http      = object({ name = string, certificate_arn = string })
    }))
    endpoints              = optional(map(object({ websocket = string, health = string })), {})
    settings               = optional(map(string), {})
    account_concurrency    = optional(number, 1000)
    reserved_concurrency   = optional(map(number), {})
    queue_concurrency      = optional(map(number), {})
    gateway_requests_per_s = optional(number)
    gateway_shares         = optional(object({ posts = number, frames = number, http = number }), { posts = 0.7, frames = 0.2, http = 0.1 })
    cors_origins           = optional(list(string), [])
    log_retention_days     = optional(number, 30)
    log_kms_key_arn        = optional(string)
    system_log_level       = optional(string, "WARN")
    outbox                 = optional(bool, true)
    tracing                = optional(bool, false)
    manage_gateway_account = optional(bool, true)
  })
  default = {}
}

variable "monitoring" {
  description = "Dashboard and alarms: 3 USD a month for the dashboard, 0.10 USD for each metric of an alarm, together about 9 USD; see modules/monitoring."
  type = object({
    create            = optional(bool, true)
    alarm_topic_arn   = optional(string)
    alarm_emails      = optional(list(string), [])
    alarm_kms_key_arn = optional(string)
    thresholds        = optional(map(number), {})
    guide_url         = optional(string, "docs/how-to/operate.md")

    monthly_budget_usd = optional(number)
  })
  default = {}
}

variable "experiments" {
  description = "Templates of the Fault Injection Service for drills on AWS, off by default; see modules/experiments. They cost nothing until one is started."
  type = object({
    create          = optional(bool, false)
    minutes         = optional(number, 5)
    stop_alarm_arns = optional(list(string), [])
  })
  default = {}
}

variable "metrics_namespace" {
  description = "CloudWatch namespace of all metrics."
  type        = string
  default     = "WeChat/WebSocket"
}

variable "kms_key_arns" {
  description = "ARNs of customer managed keys for tables, queues, topic, cache and secret, by region: one for each region, or none. {} uses the services' own keys."
  type        = map(string)
  default     = {}
}

variable "former_kms_key_arns" {
  description = "By region: keys that kms_key_arns had before, which functions may still use. Name a key here when you change or remove it, for at least the 14 days that a message may be in a dead-letter queue."
  type        = map(list(string))
  default     = {}
}

variable "iam" {
  description = "The path of all roles, such as /chat/, which cannot be changed later, and the ARN of a permissions boundary for them."
  type = object({
    path                     = optional(string, "/")
    permissions_boundary_arn = optional(string)
  })
  default = {}

  validation {
    condition     = can(regex("^/([!-.0-~]+/)*$", var.iam.path)) && length(var.iam.path) <= 512
    error_message = "Give a path that begins and ends with a slash."
  }

  validation {
    condition     = var.iam.permissions_boundary_arn == null || can(regex("^arn:[^:]+:iam::([0-9]{12}|aws):policy/", var.iam.permissions_boundary_arn))
    error_message = "Give the ARN of an IAM policy."
  }
}

variable "secret_recovery_days" {
  description = "Days for which a deleted secret can be restored, 7 to 30; 0 deletes it at once (for emulators and short-lived deployments)."
  type        = number
  default     = 7

  validation {
    condition     = var.secret_recovery_days == 0 || (var.secret_recovery_days >= 7 && var.secret_recovery_days <= 30)
    error_message = "Give 0, or a number from 7 to 30."
  }
}

variable "connections_url" {
  description = "For emulators: the URL to which functions post to connections. null on AWS."
  type        = string
  default     = null
}

variable "aws_endpoint_url" {
  description = "For emulators: the URL of AWS's APIs for the functions. null on AWS."
  type        = string
  default     = null
}
