variable "name" {
  description = "Prefix of all names. Do not change it later: another name replaces every resource."
  type        = string
  default     = "tidings"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,23}$", var.name))
    error_message = "Use lower-case letters, digits and hyphens, at most 24 characters, starting with a letter."
  }
}

variable "region" {
  description = "The primary region, which creates the global tables and the secret. Do not change it later: another region is another deployment."
  type        = string
  default     = "us-east-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "Give the name of a region, such as eu-central-1."
  }

  validation {
    condition     = !startswith(var.region, "cn-")
    error_message = "Tidings does not run in AWS's Chinese regions, whose hosts end in amazonaws.com.cn."
  }
}

variable "tags" {
  description = "Tags of all resources, in addition to Application and ManagedBy."
  type        = map(string)
  default     = {}
}

variable "package_dir" {
  description = "Directory to which `tidings package` wrote deployment.zip, chalice.tf.json and package.json, relative to this folder."
  type        = string
  default     = "../dist"
}

variable "tables" {
  description = "Point-in-time recovery and deletion protection, both true by default, and a ceiling of what each table costs, none by default; see modules/tables."
  type = object({
    point_in_time_recovery = optional(bool, true)
    deletion_protection    = optional(bool, true)
    table_class            = optional(string, "STANDARD")
    on_demand_throughput   = optional(object({ read_units = number, write_units = number }))
  })
  default = {}
}

variable "cache" {
  description = "The cache: kind serverless (default, from 6 USD a month), replication-group (37 USD for two small nodes) or external; see modules/cache and modules/region."
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
  description = "The VPC: egress nat (default, 73 USD a month with 2 zones), nat-single (36 USD) or ipv6 (free gateway, 44 USD for endpoints); see modules/network. `existing` uses a VPC that others made; see modules/existing-network. No VPC with an external cache, unless `create` is true."
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
  description = "Functions and APIs: shards, stage, domains, settings, concurrency, throttling, logs, tracing; see modules/app. Terraform ignores unknown names here without a word: `tidings settings check` refuses them."
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
  description = "Dashboard and alarms, about 9 USD a month, and a budget of the account, none by default; see modules/monitoring and docs/how-to/operate.md."
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

variable "edge" {
  description = "CloudFront: one host for websockets, polling and HTTP, optionally with your domain; see modules/edge. Add 1 to proof_version for a new proof. Without it, clients use the APIs' own addresses."
  type = object({
    create                     = optional(bool, true)
    domain                     = optional(string)
    zone_id                    = optional(string)
    price_class                = optional(string, "PriceClass_All")
    web_acl_arn                = optional(string)
    access_log_destination_arn = optional(string)
    health_check_interval_s    = optional(number, 30)
    proof_version              = optional(number, 1)
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
  description = "ARNs of customer managed keys by region; {} uses the services' own keys."
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
  description = "Days for which a deleted secret can be restored; 0 deletes it at once."
  type        = number
  default     = 7
}

# For emulators only. Do not set these on AWS, except redis_url for an external cache.

variable "aws_endpoint_url" {
  description = "Emulators: the URL of AWS's APIs for the functions (AWS_ENDPOINT_URL)."
  type        = string
  default     = null
}

variable "connections_url" {
  description = "Emulators: the URL to which functions post to connections (TIDINGS_CONNECTIONS_URL)."
  type        = string
  default     = null
}

variable "redis_url" {
  description = "With cache.kind external: the URL of that cache, with the placeholder {redis_password} for a password, which belongs into the secret. With the other kinds, for emulators: the URL that functions use instead of ElastiCache's."
  type        = string
  default     = null
}
