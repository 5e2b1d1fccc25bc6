variable "name" {
  description = "Prefix of the resources' names, such as tidings-prod. It must be unique in the account, as CloudFront's functions and policies are global."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9][a-zA-Z0-9-]{0,39}$", var.name))
    error_message = "Use letters, digits and hyphens, at most 40 characters."
  }
}

variable "domain" {
  description = "The host that clients use, such as chat.example.com. null uses CloudFront's own name, without a certificate and records."
  type        = string
  default     = null

  validation {
    condition     = var.domain == null || can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,}$", var.domain))
    error_message = "Give a host name in lower case, without scheme and path."
  }
}

variable "zone_id" {
  description = "Id of the public Route 53 zone of the domain and the regional APIs' domains. Required with a domain or regional targets."
  type        = string
  default     = null

  validation {
    condition     = var.zone_id != null || var.domain == null
    error_message = "A domain needs `zone_id`, the zone for its records."
  }

  validation {
    condition     = var.zone_id != null || alltrue([for region in values(var.regions) : region.regional_http_target == null])
    error_message = "Regional targets (app.domains) need `zone_id`, the zone for their latency records. Without a zone, set edge.create = false and create your own records."
  }
}

variable "regions" {
  description = <<-EOT
    The deployed regions by name. For each region:
    websocket_domains, websocket_stages: hosts and stages of its WebSocket APIs, shard 0 first.
    http_domain, http_stage: host and stage of its HTTP API.
    regional_websocket_targets, regional_http_target: API Gateway's targets of the custom domains named
    above. The mapping key of a WebSocket API, whose domain shards may share, is its stage; the HTTP API
    has no mapping key. With targets, the hosts are the same in all regions and get latency records here.
    Without targets there can be only one region, with execute-api hosts.
    health_host, health_path: host and path of the region's health check. The host must belong to this
    region alone, such as its execute-api host. Required with regional targets.
  EOT
  type = map(object({
    websocket_domains = list(string)
    websocket_stages  = list(string)
    http_domain       = string
    http_stage        = optional(string, "$default")
    health_host       = optional(string)
    health_path       = optional(string, "/v1/health")
    regional_websocket_targets = optional(list(object({
      dns_name = string
      zone_id  = string
    })), [])
    regional_http_target = optional(object({
      dns_name = string
      zone_id  = string
    }))
  }))

  validation {
    condition     = length(var.regions) > 0
    error_message = "Give at least one region."
  }

  validation {
    condition = alltrue([
      for region in values(var.regions) :
      length(region.websocket_domains) > 0 && length(region.websocket_domains) == length(region.websocket_stages)
    ])
    error_message = "Each region needs at least one WebSocket API, and a host and a stage for each."
  }

  validation {
    condition = alltrue([
      for region in values(var.regions) :
      (region.regional_http_target == null && length(region.regional_websocket_targets) == 0) ||
      (region.regional_http_target != null && region.health_host != null &&
      length(region.regional_websocket_targets) == length(region.websocket_domains))
    ])
    error_message = "A region needs targets for all of its APIs and a health_host, or no targets at all."
  }

  validation {
    condition     = length(var.regions) == 1 || alltrue([for region in values(var.regions) : region.regional_http_target != null])
    error_message = "Several regions need custom domains with regional targets, to which the latency records point."
  }

  validation {
    condition     = length(distinct([for region in values(var.regions) : [region.websocket_domains, region.http_domain]])) == 1
    error_message = "The APIs must have the same hosts in all regions."
  }
}

variable "proof" {
  description = "With which the distribution proves itself to the functions, so that they believe the client's address that it names: a secret of at least 32 characters, whose SHA-256 digest is among the setting TIDINGS_EDGE_PROOFS."
  type        = string
  sensitive   = true

  validation {
    condition     = can(regex("^[A-Za-z0-9-]{32,}$", var.proof))
    error_message = "Give at least 32 letters, digits and hyphens."
  }
}

variable "price_class" {
  description = "CloudFront's edge locations: PriceClass_All, PriceClass_200 or PriceClass_100 (North America, Europe and Israel; the cheapest)."
  type        = string
  default     = "PriceClass_All"

  validation {
    condition     = contains(["PriceClass_All", "PriceClass_200", "PriceClass_100"], var.price_class)
    error_message = "Give PriceClass_All, PriceClass_200 or PriceClass_100."
  }
}

variable "web_acl_arn" {
  description = "ARN of a WAF web ACL (scope CLOUDFRONT) for the host; null for none. It costs $5 a month, $1 per rule, and $0.60 per million requests; a websocket is one request."
  type        = string
  default     = null

  validation {
    condition     = var.web_acl_arn == null || can(regex("^arn:[^:]+:wafv2:us-east-1:[0-9]*:global/webacl/", var.web_acl_arn))
    error_message = "Give the ARN of a WAFv2 web ACL for CloudFront (us-east-1, global)."
  }
}

variable "access_log_destination_arn" {
  description = "ARN of a CloudWatch log group (us-east-1) or S3 bucket for access logs; null for no access logs. The query string is never logged, as it may contain a token."
  type        = string
  default     = null

  validation {
    condition     = var.access_log_destination_arn == null || can(regex("^arn:[^:]+:(logs:us-east-1:[0-9]*:log-group|s3:::)", var.access_log_destination_arn))
    error_message = "Give the ARN of a log group in us-east-1 or of an S3 bucket."
  }
}

variable "health_check_interval_s" {
  description = "Seconds between two requests of a health checker: 30, or 10 for faster failover (about $1 more per month and region)."
  type        = number
  default     = 30

  validation {
    condition     = contains([10, 30], var.health_check_interval_s)
    error_message = "Give 10 or 30."
  }
}

variable "tags" {
  description = "Tags of all resources that support tags."
  type        = map(string)
  default     = {}
}
