variable "name" {
  description = "Prefix of all names; the functions get it as TIDINGS_PREFIX."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,23}$", var.name))
    error_message = "Use lower-case letters, digits and hyphens, at most 24 characters, starting with a letter."
  }
}

variable "package_dir" {
  description = "Directory to which `tidings package` wrote deployment.zip, chalice.tf.json and package.json, relative to Terraform's working directory."
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

variable "regions" {
  description = "All regions of the deployment, in the same order in all of them; [] for this one alone. Add new ones at the end; keep regions that were given up."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for region in var.regions : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", region))]) && length(distinct(var.regions)) == length(var.regions)
    error_message = "Give region names such as eu-west-1, each once."
  }
}

variable "streams" {
  description = "The streams of the tables or replicas in this region that are `carried` in resources.json, by the table's short name. One region needs that of `messages`; without it, each message is a job."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(var.regions) < 2 || toset(keys(var.streams)) == toset([for name, table in jsondecode(file("${path.module}/../../resources.json")).tables : name if try(table.carried, false)])
    error_message = "With several regions, give the streams of all carried tables: modules/tables returns them."
  }
}

variable "topic_arn" {
  description = "With several regions: ARN of this region's broadcast topic."
  type        = string
  default     = null
}

variable "secret" {
  description = "The Secrets Manager secret with the keys of the tokens. Its ARN may end in a pattern."
  type        = object({ name = string, arn = string })
}

variable "redis" {
  description = "The cache: its URL, whether it is in cluster mode and, with IAM authentication, the user, the name of the cache and the ARNs to connect to."
  type = object({
    url     = string
    cluster = bool
    iam     = optional(object({ user = string, cache = string, serverless = bool, arns = list(string) }))
  })

  validation {
    condition     = var.redis.url == "" || can(regex("^rediss?://", var.redis.url))
    error_message = "Give a redis:// or rediss:// URL, or an empty text."
  }
}

variable "vpc" {
  description = "Subnets and security group of the functions. null runs them outside a VPC: they start faster and cost less, but cannot reach ElastiCache."
  type        = object({ subnet_ids = list(string), security_group_id = string, ipv6 = bool })
  default     = null
}

variable "iam" {
  description = "The path of the roles, and the ARN of a permissions boundary for them; null for none."
  type        = object({ path = string, permissions_boundary_arn = string })
  default     = { path = "/", permissions_boundary_arn = null }
}

variable "in_vpc" {
  description = "Whether `vpc` is given. By itself, as the network waits for the rights that it needs."
  type        = bool
  default     = false
}

variable "dualstack" {
  description = "Whether the WebSocket APIs answer over IPv6, too, which functions in a VPC without NAT need."
  type        = bool
  default     = false
}

variable "shards" {
  description = "Number of WebSocket APIs in this region, of which a stable hash of the user id selects one. More than one gives nothing on AWS, whose quotas are per account and region, and costs alarms and log groups; it is for limits of one API that AWS may set, and for emulators. See README.md."
  type        = number
  default     = 1

  validation {
    condition     = var.shards >= 1 && var.shards <= 10 && floor(var.shards) == var.shards
    error_message = "Give a whole number from 1 to 10: a CloudWatch alarm can sum 10 metrics, and one alarm sums the new connections of all shards."
  }
}

variable "stage" {
  description = "Stage of the WebSocket API if there is only one shard; several shards have the stages ws-0, ws-1, …"
  type        = string
  default     = "prod"

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,64}$", var.stage))
    error_message = "Use letters, digits, hyphens and underscores, at most 64 characters."
  }
}

variable "domains" {
  description = "Custom domains of this region, each with the ARN of a certificate in this region; null uses API Gateway's own addresses."
  type = object({
    websocket = object({ name = string, certificate_arn = string })
    http      = object({ name = string, certificate_arn = string })
  })
  default = null

  validation {
    condition     = var.domains == null || try(var.domains.websocket.name != var.domains.http.name, false)
    error_message = "Use two different names: API Gateway cannot serve a WebSocket API and an HTTP API under one name."
  }
}

variable "endpoints" {
  description = "The deployed regions, for GET /v1/endpoint: the websocket URL, with the placeholder {shard}, and the health URL. This region's own URLs are added, unless they are given."
  type        = map(object({ websocket = string, health = string }))
  default     = {}
}

variable "settings" {
  description = "More settings of the functions, by environment variable; docs/reference/settings.md describes them."
  type        = map(string)
  default     = {}

  # `tidings settings check` reads all of them with the functions' own parser; this is what expressions can say.
  validation {
    condition     = length(setsubtract(keys(var.settings), keys(local.setting_forms))) == 0
    error_message = "Unknown: ${join(", ", setsubtract(keys(var.settings), keys(local.setting_forms)))}. Use only the names in modules/app/settings.json. Terraform sets the others, and secrets belong in Secrets Manager."
  }

  validation {
    condition     = alltrue([for name, text in var.settings : text == "" || !can(local.setting_forms[name].least) || try(can(regex("^[0-9]{1,15}$", text)) && tonumber(text) >= local.setting_forms[name].least && tonumber(text) <= local.setting_forms[name].most, false)])
    error_message = "These must be whole numbers: ${join(", ", [for name, _ in var.settings : name if can(local.setting_forms[name].least)])}. `tidings settings check` says which one is not, and its bounds."
  }

  validation {
    condition     = alltrue([for name, text in var.settings : text == "" || !can(local.setting_forms[name].one_of) || contains(try(local.setting_forms[name].one_of, []), text)])
    error_message = "Use one of the words: ${join("; ", [for name, _ in var.settings : "${name}: ${join(", ", local.setting_forms[name].one_of)}" if can(local.setting_forms[name].one_of)])}."
  }

  validation {
    condition     = alltrue([for name, text in var.settings : text == "" || !can(local.setting_forms[name].pattern) || can(regex(local.setting_forms[name].pattern, text))])
    error_message = "Check the form of: ${join(", ", [for name, _ in var.settings : name if can(local.setting_forms[name].pattern)])}. `tidings settings check` says what is wrong."
  }

  validation {
    condition     = alltrue([for name, text in var.settings : text == "" || !can(local.setting_forms[name].json) || can(regex(try(local.setting_forms[name].json, "") == "object" ? "^[{]" : "^[[]", jsonencode(jsondecode(text))))])
    error_message = "These must be JSON: ${join(", ", [for name, _ in var.settings : "${name} an ${local.setting_forms[name].json}" if can(local.setting_forms[name].json)])}."
  }

  validation {
    condition     = lookup(var.settings, "TIDINGS_LIMITS", "") == "" || alltrue([for rate in try(values(jsondecode(var.settings.TIDINGS_LIMITS)), [null]) : try(length(rate) == 2 && rate[0] > 0 && rate[1] > 0 && floor(rate[1]) == rate[1], false)])
    error_message = "Each rate in TIDINGS_LIMITS must be [tokens per second, burst], the burst a whole number."
  }

  validation {
    condition     = lookup(var.settings, "TIDINGS_ROOM_RATE", "") == "" || try(length(jsondecode(var.settings.TIDINGS_ROOM_RATE)) == 2 && jsondecode(var.settings.TIDINGS_ROOM_RATE)[0] > 0 && jsondecode(var.settings.TIDINGS_ROOM_RATE)[1] > 0 && floor(jsondecode(var.settings.TIDINGS_ROOM_RATE)[1]) == jsondecode(var.settings.TIDINGS_ROOM_RATE)[1], false)
    error_message = "TIDINGS_ROOM_RATE must be [messages per second, burst], the burst a whole number."
  }

  validation {
    condition     = lookup(var.settings, "TIDINGS_JWKS_URL", "") == "" || can(regex("^(https://([^]/?#@:[[:space:]]+|\\[[0-9A-Fa-f:.]+\\])|http://(localhost|127[.]0[.]0[.]1|\\[::1\\]))(:[0-9]+)?([/?]|$)", var.settings.TIDINGS_JWKS_URL))
    error_message = "TIDINGS_JWKS_URL must begin with https:// and have a host: whoever could change the keys could sign tokens."
  }

  validation {
    condition     = lookup(var.settings, "TIDINGS_JWKS_URL", "") == "" || (trimspace(lookup(var.settings, "TIDINGS_JWT_ISSUER", "")) != "" && lookup(var.settings, "TIDINGS_JWT_AUDIENCE", "") != "")
    error_message = "With TIDINGS_JWKS_URL, set TIDINGS_JWT_ISSUER and TIDINGS_JWT_AUDIENCE, too: an issuer also signs tokens for others."
  }

  validation {
    condition     = lookup(var.settings, "TIDINGS_JWT_AUDIENCE", "") == "" || can(regex("[^,[:space:]]", var.settings.TIDINGS_JWT_AUDIENCE))
    error_message = "TIDINGS_JWT_AUDIENCE names no audience; leave it out if there is none."
  }
}

variable "metrics_namespace" {
  description = "CloudWatch namespace of all metrics."
  type        = string
  default     = "WeChat/WebSocket"

  validation {
    condition     = can(regex("^[^:][^ ]{0,254}$", var.metrics_namespace)) && !startswith(var.metrics_namespace, "AWS/")
    error_message = "Use 1 to 255 characters, not starting with a colon or AWS/."
  }
}

variable "account_concurrency" {
  description = "How many of the account's concurrent executions in this region this deployment may count on: its quota, less what other deployments and functions reserve. A new account may have 10 or 50, and the first apply fails if it has less than this says. From 500 on, the functions that API Gateway calls get at most four fifths of it: api_handler 40 %, websocket_message 25 %, websocket_connect 10 %, websocket_disconnect 5 %. null reserves nothing."
  type        = number
  default     = 1000
}

variable "reserved_concurrency" {
  description = "Reserved concurrency by the function's short name, instead of its share of account_concurrency; -1 for none. It is guaranteed to the function, and also its maximum. At least 100 executions of the account must stay unreserved."
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for n in values(var.reserved_concurrency) : n >= -1 && floor(n) == n])
    error_message = "Give whole numbers from 0, or -1 for none."
  }

  validation {
    condition     = length(setsubtract(keys(var.reserved_concurrency), keys(local.resources.aws_lambda_function))) == 0
    error_message = "No such function: ${join(", ", setsubtract(keys(var.reserved_concurrency), keys(local.resources.aws_lambda_function)))}. Use ${join(", ", keys(local.resources.aws_lambda_function))}."
  }
}

variable "queue_concurrency" {
  description = "Maximum concurrent executions that a queue may cause, by the queue's short name (2 to 1,000); 100 for all others."
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for n in values(var.queue_concurrency) : n >= 2 && n <= 1000 && floor(n) == n])
    error_message = "Give whole numbers from 2 to 1,000."
  }

  validation {
    condition     = length(setsubtract(keys(var.queue_concurrency), values(local.queue_triggers)[*].queue)) == 0
    error_message = "No queue that calls a function: ${join(", ", setsubtract(keys(var.queue_concurrency), values(local.queue_triggers)[*].queue))}. Use ${join(", ", values(local.queue_triggers)[*].queue)}."
  }
}

variable "gateway_requests_per_s" {
  description = "Of API Gateway's requests a second in this account and region, those that this deployment may use: by default AWS's default quota, 10,000, or 2,500 in 13 smaller regions. Frames, HTTP requests and posts to clients share it as `gateway_shares` says. Raise it with the quota; lower it if the account has other APIs."
  type        = number
  default     = null

  validation {
    condition     = var.gateway_requests_per_s == null || try(var.gateway_requests_per_s >= 100 && floor(var.gateway_requests_per_s) == var.gateway_requests_per_s, false)
    error_message = "Give a whole number of 100 or more."
  }
}

variable "gateway_shares" {
  description = "The parts of gateway_requests_per_s, together at most 1: `posts` to clients, of which a message to 1,000 connected people is 1,000 (TIDINGS_POSTS_PER_S), `frames` from clients, and `http` requests, which each poll of a Socket.IO client is."
  type        = object({ posts = number, frames = number, http = number })
  default     = { posts = 0.7, frames = 0.2, http = 0.1 }

  validation {
    condition     = alltrue([for share in values(var.gateway_shares) : share > 0]) && floor(1000 * sum(values(var.gateway_shares)) + 0.5) <= 1000
    error_message = "Give each a part above 0; together they may be at most 1."
  }
}

variable "cors_origins" {
  description = "Other origins whose pages may use the HTTP API and polling, or \"*\". Not needed for pages on the edge's own host."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for origin in var.cors_origins : origin == "*" || can(regex("^https?://[a-z0-9.:\\[\\]-]+$", origin))])
    error_message = "Give origins as browsers send them, in lower case, such as https://chat.example.com; or *."
  }
}

variable "log_retention_days" {
  description = "Days that logs are kept. 0.03 USD per GB and month; writing them costs 0.50 USD per GB."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "Give a retention that CloudWatch Logs supports, such as 7, 30, 90 or 365."
  }
}

variable "outbox" {
  description = "Whether a message that its sender has delivered is no job, as the stream of `messages` brings what no sender has delivered. The stream is read in any case."
  type        = bool
  default     = true
}

variable "system_log_level" {
  description = "Lambda's own lines: WARN writes those of failures only, INFO also a START and a REPORT (memory used, cold start) for each invocation, about 600 bytes."
  type        = string
  default     = "WARN"

  validation {
    condition     = contains(["WARN", "INFO", "DEBUG"], var.system_log_level)
    error_message = "Give WARN, INFO or DEBUG."
  }
}

variable "log_kms_key_arn" {
  description = "ARN of a customer managed key for the logs; its policy must let logs.amazonaws.com use it. null uses the service's own key."
  type        = string
  default     = null
}

variable "kms_key_arn" {
  description = "ARN of the customer managed key of tables, queues and secret, which the functions get permission to use; null if there is none."
  type        = string
  default     = null
}

variable "former_kms_key_arns" {
  description = "Keys that kms_key_arn was before. Functions keep the right to use them: what is in a queue stays encrypted with the key of its time."
  type        = list(string)
  default     = []
}

variable "home_kms_key_arn" {
  description = "With several regions: ARN of the key of the first region's tables, where room ids are claimed; null if there is none."
  type        = string
  default     = null
}

variable "peer_kms_key_arns" {
  description = "Of the other regions, by region: the keys that encrypt their queues, to which spares of messages are sent. {} for SQS's own keys."
  type        = map(string)
  default     = {}
}

variable "tracing" {
  description = "X-Ray traces of the functions: 5 USD per million traces. Lambda samples one request per second and 5 percent of the others."
  type        = bool
  default     = false
}

variable "manage_gateway_account" {
  description = "Whether to set the role with which API Gateway writes logs of WebSocket and REST APIs. There is one per account and region: true replaces an existing one, for every API of the account. Use false if another stack sets it; without such a role, AWS refuses to create the WebSocket API's stage."
  type        = bool
  default     = true
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
