variable "name" {
  description = "Prefix of the cache's name; ElastiCache allows at most 40 characters."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,32}$", var.name))
    error_message = "Use lower-case letters, digits and hyphens, at most 33 characters, starting with a letter."
  }
}

variable "kind" {
  description = <<-EOT
    Prices in us-east-1 for a month of 730 hours.
    "serverless": Valkey that scales by itself; from 6.13 USD (100 MB), 61.32 USD for each GB more, plus 0.0023 USD per million ECPUs.
    "replication-group": Valkey on `shards` × (1 + `replicas`) nodes of `node_type`; 2 cache.t4g.small: 37.38 USD, independent of load.
    "external": creates no cache; `url` is the address of yours.
  EOT
  type        = string
  default     = "serverless"

  validation {
    condition     = contains(["serverless", "replication-group", "external"], var.kind)
    error_message = "Give serverless, replication-group or external."
  }
}

variable "url" {
  description = "With kind external: the redis:// or rediss:// URL. It is not a secret: write the placeholder {redis_password} for a password (rediss://user:{redis_password}@host:6379), and put the password itself into the secret, as redis_password. With the other kinds, for emulators: the URL that the functions use instead."
  type        = string
  default     = null

  validation {
    condition     = var.url == null || can(regex("^rediss?://([^:@/?#]*:[{]redis_password[}]@)?([^@/:?#\\[\\]]+|\\[[0-9a-fA-F:.]+\\])(:[0-9]{1,5})?(/[0-9]*)?$", var.url))
    error_message = "Give a redis:// or rediss:// URL. A password belongs into the secret, as redis_password: write {redis_password} in its place, such as rediss://user:{redis_password}@host:6379."
  }

  validation {
    condition     = var.kind != "external" || var.url != null
    error_message = "An external cache needs `url`."
  }
}

variable "url_is_cluster" {
  description = "Whether the cache at `url` is in cluster mode."
  type        = bool
  default     = false
}

variable "network" {
  description = "VPC, private subnets, what cannot be changed of them, and the functions' security group; required except for an external cache."
  type        = object({ vpc_id = string, subnet_ids = list(string), placement = list(string), functions_security_group_id = string })
  default     = null
}

variable "engine_version" {
  description = "Version of Valkey. Serverless uses only the major version. A replication group starts with it, and AWS upgrades the minor version."
  type        = string
  default     = "8.0"
}

variable "serverless_limits" {
  description = "Limits of a serverless cache, and so of its cost: GB of data, and ECPUs per second (1,000 or more)."
  type        = object({ data_gb = number, ecpu_per_second = number })
  default     = { data_gb = 10, ecpu_per_second = 30000 }

  validation {
    condition     = var.serverless_limits.data_gb >= 1 && var.serverless_limits.ecpu_per_second >= 1000
    error_message = "Give at least 1 GB and 1,000 ECPUs per second."
  }
}

variable "node_type" {
  description = "Node type of a replication group."
  type        = string
  default     = "cache.t4g.small"

  validation {
    condition     = startswith(var.node_type, "cache.")
    error_message = "Give a node type such as cache.t4g.small."
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
    error_message = "Give a number from 1 to 5."
  }
}

variable "kms_key_arn" {
  description = "ARN of a customer managed key for the cache's disks; null uses the service's own key."
  type        = string
  default     = null
}
