variable "name" {
  description = "Prefix of all names; the functions get it as TIDINGS_PREFIX."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,23}$", var.name))
    error_message = "Lower-case letters, digits and hyphens, at most 24, beginning with a letter."
  }
}

variable "package_dir" {
  description = "Where `tidings package` left deployment.zip, chalice.tf.json and package.json, seen from the working directory of Terraform."
  type        = string
}

variable "tables" {
  description = "Tables by short name."
  type        = map(object({ arn = string }))
}

variable "queues" {
  description = "Queues by short name."
  type        = map(object({ arn = string, visibility_timeout_s = number }))
}

variable "secret" {
  description = "The Secrets Manager secret that holds the keys of the tokens. Its ARN may end in a pattern."
  type        = object({ name = string, arn = string })
}

variable "redis" {
  description = "The cache: its URL, whether it is in cluster mode and, where IAM opens it, the user, the name of the cache and the ARNs to connect to."
  type = object({
    url     = string
    cluster = bool
    iam     = optional(object({ user = string, cache = string, serverless = bool, arns = list(string) }))
  })

  validation {
    condition     = var.redis.url == "" || can(regex("^rediss?://", var.redis.url))
    error_message = "A redis:// or rediss:// URL."
  }
}

variable "vpc" {
  description = "Where the functions run: subnets and security group. null for outside any VPC, which is quicker to start and free, but reaches no ElastiCache."
  type        = object({ subnet_ids = list(string), security_group_id = string, ipv6 = bool })
  default     = null
}

variable "shards" {
  description = "WebSocket APIs of this region. A stable hash of the user id picks one; see README.md."
  type        = number
  default     = 1

  validation {
    condition     = var.shards >= 1 && var.shards <= 10 && floor(var.shards) == var.shards
    error_message = "A whole number from 1 to 10: CloudWatch sums 10 metrics in an alarm, and new connections are watched over all shards."
  }
}

variable "stage" {
  description = "Stage of the WebSocket API when there is one; several have ws-0 and on."
  type        = string
  default     = "prod"

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,64}$", var.stage))
    error_message = "Letters, digits, hyphens and underscores."
  }
}

variable "domains" {
  description = "Custom domains of this region, each with the ARN of a certificate of this region; null for API Gateway's own names."
  type = object({
    websocket = object({ name = string, certificate_arn = string })
    http      = object({ name = string, certificate_arn = string })
  })
  default = null

  validation {
    condition     = var.domains == null || try(var.domains.websocket.name != var.domains.http.name, false)
    error_message = "API Gateway does not serve a WebSocket API and an HTTP API under one name."
  }
}

variable "endpoints" {
  description = "The deployed regions, for GET /v1/endpoint: websocket URL, in which {shard} is replaced, and health URL. {} names this region only."
  type        = map(object({ websocket = string, health = string }))
  default     = {}
}

variable "settings" {
  description = "More settings of the functions, by environment variable; chalicelib/kernel/settings.py explains them."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name, _ in var.settings : contains(jsondecode(file("${path.module}/settings.json")), name)])
    error_message = "Only the names in modules/app/settings.json. The others are set by Terraform, and a secret belongs into Secrets Manager."
  }
}

variable "metrics_namespace" {
  description = "CloudWatch namespace of all metrics."
  type        = string
  default     = "WeChat/WebSocket"

  validation {
    condition     = can(regex("^[^:][^ ]{0,254}$", var.metrics_namespace)) && !startswith(var.metrics_namespace, "AWS/")
    error_message = "1 to 255 characters, not beginning with a colon or AWS/."
  }
}

variable "reserved_concurrency" {
  description = "Concurrent executions kept for a function and its most, by short name. They are taken from the account's 1,000 (by default), of which 100 must stay unreserved."
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for n in values(var.reserved_concurrency) : n >= 0])
    error_message = "Not negative."
  }
}

variable "queue_concurrency" {
  description = "Concurrent executions a queue may cause at most, by short name (2 to 1,000); 100 for those not named."
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for n in values(var.queue_concurrency) : n >= 2 && n <= 1000])
    error_message = "From 2 to 1,000."
  }
}

variable "websocket_throttling" {
  description = "Requests a second and burst of each WebSocket API's stage. The account's quota (10,000 a second by default) holds for all APIs together."
  type        = object({ rate = number, burst = number })
  default     = { rate = 8000, burst = 4000 }
}

variable "http_throttling" {
  description = "Requests a second and burst of the HTTP API's stage."
  type        = object({ rate = number, burst = number })
  default     = { rate = 2000, burst = 1000 }
}

variable "cors_origins" {
  description = "Origins of pages elsewhere that may use the HTTP API and polling, or \"*\"; not needed for pages under the edge's own name."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for origin in var.cors_origins : origin == "*" || can(regex("^https?://[a-z0-9.:\\[\\]-]+$", origin))])
    error_message = "Origins as browsers write them, in lower case, such as https://chat.example.com; or *."
  }
}

variable "log_retention_days" {
  description = "Days that logs are kept. 0.03 USD per GB and month; writing them costs 0.50 USD per GB."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "A retention that CloudWatch Logs knows."
  }
}

variable "log_kms_key_arn" {
  description = "Customer managed key of the logs; its policy must let logs.amazonaws.com use it. null takes the service's own."
  type        = string
  default     = null
}

variable "kms_key_arn" {
  description = "Customer managed key of tables, queues and secret, so that the functions may use it; null when there is none."
  type        = string
  default     = null
}

variable "tracing" {
  description = "X-Ray traces of the functions: 5 USD per million traces, of which Lambda samples one a second and 5 percent."
  type        = bool
  default     = false
}

variable "manage_gateway_account" {
  description = "Set the role with which API Gateway writes logs of WebSocket and REST APIs. An account has one in a region: true takes the place of one that is there, for every API of the account. false where another stack sets it; without any role there, AWS refuses to make the WebSocket API's stage."
  type        = bool
  default     = true
}

variable "connections_url" {
  description = "For emulators: where functions post to connections. null on AWS."
  type        = string
  default     = null
}

variable "aws_endpoint_url" {
  description = "For emulators: where functions reach AWS's APIs. null on AWS."
  type        = string
  default     = null
}
