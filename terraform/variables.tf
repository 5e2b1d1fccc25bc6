variable "name" {
  description = "Prefix of all names. For good: with another name everything is made anew."
  type        = string
  default     = "tidings"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,23}$", var.name))
    error_message = "Lower-case letters, digits and hyphens, at most 24, beginning with a letter."
  }
}

variable "region" {
  description = "The primary region: of the global tables, and of the deployment while it has only one. For good: another region is another deployment."
  type        = string
  default     = "us-east-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "A region's name, such as eu-central-1."
  }
}

variable "tags" {
  description = "Tags of all resources, beside Application and ManagedBy."
  type        = map(string)
  default     = {}
}

variable "package_dir" {
  description = "Where `tidings package` left deployment.zip, chalice.tf.json and package.json, seen from this folder."
  type        = string
  default     = "../dist"
}

variable "tables" {
  description = "Point-in-time recovery and deletion protection, both true by default; see modules/tables."
  type = object({
    point_in_time_recovery = optional(bool, true)
    deletion_protection    = optional(bool, true)
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
  description = "The VPC: egress nat (default, 73 USD a month with 2 zones), nat-single (36 USD) or ipv6 (no gateway's price, 44 USD of endpoints); see modules/network. None with an external cache."
  type = object({
    create              = optional(bool, false)
    cidr                = optional(string, "10.60.0.0/16")
    zones               = optional(number, 2)
    zone_names          = optional(list(string))
    egress              = optional(string, "nat")
    interface_endpoints = optional(set(string))
    flow_log_days       = optional(number)
  })
  default = {}
}

variable "app" {
  description = "Functions and APIs: shards, stage, domains, settings, concurrency, throttling, logs, tracing; see modules/app."
  type        = any
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.app), ["shards", "stage", "domains", "endpoints", "settings", "reserved_concurrency", "queue_concurrency", "websocket_throttling", "http_throttling", "cors_origins", "log_retention_days", "log_kms_key_arn", "tracing", "manage_gateway_account"])) == 0
    error_message = "A part that modules/region does not know."
  }
}

variable "monitoring" {
  description = "Dashboard and alarms, about 9 USD a month; see modules/monitoring and docs/how-to/operate.md."
  type = object({
    create            = optional(bool, true)
    alarm_topic_arn   = optional(string)
    alarm_emails      = optional(list(string), [])
    alarm_kms_key_arn = optional(string)
    thresholds        = optional(map(number), {})
    guide_url         = optional(string, "docs/how-to/operate.md")
  })
  default = {}
}

variable "edge" {
  description = "CloudFront: the one host for websockets, polling and HTTP, with your domain when it is given; see modules/edge. Without it, clients use the APIs' own names."
  type = object({
    create                     = optional(bool, true)
    domain                     = optional(string)
    zone_id                    = optional(string)
    price_class                = optional(string, "PriceClass_All")
    web_acl_arn                = optional(string)
    access_log_destination_arn = optional(string)
    health_check_interval_s    = optional(number, 30)
  })
  default = {}
}

variable "metrics_namespace" {
  description = "CloudWatch namespace of all metrics."
  type        = string
  default     = "WeChat/WebSocket"
}

variable "kms_key_arns" {
  description = "Customer managed keys by region; {} for the services' own keys."
  type        = map(string)
  default     = {}
}

variable "secret_recovery_days" {
  description = "Days in which a deleted secret can be restored; 0 deletes it at once."
  type        = number
  default     = 7
}

# For emulators only. On AWS all of these stay as they are.

variable "aws_endpoint_url" {
  description = "Emulators: where the functions reach AWS's APIs (AWS_ENDPOINT_URL)."
  type        = string
  default     = null
}

variable "connections_url" {
  description = "Emulators: where functions post to connections (TIDINGS_CONNECTIONS_URL)."
  type        = string
  default     = null
}

variable "redis_url" {
  description = "An external cache with cache.kind external. With the other kinds, for emulators: the address that functions use in the place of ElastiCache's."
  type        = string
  default     = null
}
