variable "name" {
  description = "Name of the cache; ElastiCache takes at most 40 characters."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,39}$", var.name))
    error_message = "Lower-case letters, digits and hyphens, at most 40, beginning with a letter."
  }
}

variable "kind" {
  description = <<-EOT
    Prices of us-east-1, a month of 730 hours.
    "serverless": Valkey, grows by itself; from 6.13 USD (100 MB), 61.32 USD per GB more, plus 0.0023 USD per million ECPUs.
    "replication-group": Valkey on nodes of `node_type`, `shards` × (1 + `replicas`) of them; 2 of cache.t4g.small: 37.38 USD, a flat price under load.
    "external": none here; `url` says where one is.
  EOT
  type        = string
  default     = "serverless"

  validation {
    condition     = contains(["serverless", "replication-group", "external"], var.kind)
    error_message = "serverless, replication-group or external."
  }
}

variable "url" {
  description = "With kind external: redis:// or rediss:// URL. It is no secret: a password belongs into the secret, as redis_password. With the other kinds: where the functions find the cache instead (emulators)."
  type        = string
  default     = null

  validation {
    condition     = var.url == null || can(regex("^rediss?://[^@]*$", var.url))
    error_message = "A redis:// or rediss:// URL without a user and a password."
  }

  validation {
    condition     = var.kind != "external" || var.url != null
    error_message = "An external cache has a URL."
  }
}

variable "url_is_cluster" {
  description = "Whether the cache at `url` is in cluster mode."
  type        = bool
  default     = false
}

variable "network" {
  description = "VPC, private subnets and the functions' security group; needed for all but an external cache."
  type        = object({ vpc_id = string, subnet_ids = list(string), functions_security_group_id = string })
  default     = null
}

variable "engine_version" {
  description = "Version of Valkey: major for serverless, major.minor for a replication group, which starts with it and is upgraded by AWS."
  type        = string
  default     = "8.0"
}

variable "serverless_limits" {
  description = "The most a serverless cache may grow to: GB of data and ECPUs a second (1,000 or more). A limit on the bill."
  type        = object({ data_gb = number, ecpu_per_second = number })
  default     = { data_gb = 10, ecpu_per_second = 30000 }

  validation {
    condition     = var.serverless_limits.data_gb >= 1 && var.serverless_limits.ecpu_per_second >= 1000
    error_message = "At least 1 GB and 1,000 ECPUs a second."
  }
}

variable "node_type" {
  description = "Node type of a replication group."
  type        = string
  default     = "cache.t4g.small"

  validation {
    condition     = startswith(var.node_type, "cache.")
    error_message = "A node type such as cache.t4g.small."
  }
}

variable "shards" {
  description = "Shards of a replication group."
  type        = number
  default     = 1
}

variable "replicas" {
  description = "Replicas of each shard of a replication group, in other zones; at least one, for failover."
  type        = number
  default     = 1

  validation {
    condition     = var.replicas >= 1 && var.replicas <= 5
    error_message = "From 1 to 5."
  }
}

variable "kms_key_arn" {
  description = "Customer managed key of the cache's disks; null takes the service's own."
  type        = string
  default     = null
}
