variable "name" {
  description = "Prefix of the resources' names, such as tidings-prod: unique in the account, as CloudFront's functions and policies are global."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9][a-zA-Z0-9-]{0,39}$", var.name))
    error_message = "Letters, digits and hyphens, 40 at most."
  }
}

variable "domain" {
  description = "The one host that clients use, such as chat.example.com. Null: CloudFront's own name, without a certificate and records of ours."
  type        = string
  default     = null

  validation {
    condition     = var.domain == null || can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,}$", var.domain))
    error_message = "A host name in lower case, without scheme and path."
  }
}

variable "zone_id" {
  description = "The public Route 53 zone in which the domain and the domains of the regional APIs lie. Needed with a domain, and with regional targets."
  type        = string
  default     = null

  validation {
    condition     = var.zone_id != null || var.domain == null
    error_message = "A domain needs the zone that its records go into."
  }

  validation {
    condition     = var.zone_id != null || alltrue([for region in values(var.regions) : region.regional_http_target == null])
    error_message = "Regional targets (app.domains) need the zone that their latency records go into. Without a zone: no edge, and records of your own."
  }
}

variable "regions" {
  description = <<-EOT
    The deployed regions by name. Of each:
    websocket_domains, websocket_stages: host and stage of its WebSocket APIs, shard 0 first.
    http_domain, http_stage: host and stage of its HTTP API.
    regional_websocket_targets, regional_http_target: where API Gateway serves the custom domains named
    above; that of a WebSocket API, which shards may share, has its stage as the mapping's key, that of
    the HTTP API no key. With them the hosts are the same in all regions, and get latency records here.
    Without them, in one region only, the hosts are those of execute-api.
    health_host, health_path: what the health check of the region asks: a host that is this region's
    alone, such as that of execute-api. Needed with regional targets.
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
    error_message = "At least one region."
  }

  validation {
    condition = alltrue([
      for region in values(var.regions) :
      length(region.websocket_domains) > 0 && length(region.websocket_domains) == length(region.websocket_stages)
    ])
    error_message = "Each region has one WebSocket API or more, with a host and a stage each."
  }

  validation {
    condition = alltrue([
      for region in values(var.regions) :
      (region.regional_http_target == null && length(region.regional_websocket_targets) == 0) ||
      (region.regional_http_target != null && region.health_host != null &&
      length(region.regional_websocket_targets) == length(region.websocket_domains))
    ])
    error_message = "A region has targets for all of its APIs, and then a health_host, or for none."
  }

  validation {
    condition     = length(var.regions) == 1 || alltrue([for region in values(var.regions) : region.regional_http_target != null])
    error_message = "Several regions need custom domains with regional targets: latency records lead to them."
  }

  validation {
    condition     = length(distinct([for region in values(var.regions) : [region.websocket_domains, region.http_domain]])) == 1
    error_message = "The hosts of the APIs are the same in all regions."
  }
}

variable "price_class" {
  description = "Where CloudFront serves from: PriceClass_All, PriceClass_200 or PriceClass_100 (North America, Europe and Israel, the cheapest)."
  type        = string
  default     = "PriceClass_All"

  validation {
    condition     = contains(["PriceClass_All", "PriceClass_200", "PriceClass_100"], var.price_class)
    error_message = "PriceClass_All, PriceClass_200 or PriceClass_100."
  }
}

variable "web_acl_arn" {
  description = "A WAF web ACL (scope CLOUDFRONT) in front of the host. Null: none. From $5 a month, $1 a rule, and $0.60 a million requests; a websocket is one request."
  type        = string
  default     = null

  validation {
    condition     = var.web_acl_arn == null || can(regex("^arn:[^:]+:wafv2:us-east-1:[0-9]*:global/webacl/", var.web_acl_arn))
    error_message = "The ARN of a WAFv2 web ACL for CloudFront (us-east-1, global)."
  }
}

variable "access_log_destination_arn" {
  description = "A CloudWatch log group (us-east-1) or S3 bucket that takes access logs. Null: no access logs. The query string is never logged: it may carry a token."
  type        = string
  default     = null

  validation {
    condition     = var.access_log_destination_arn == null || can(regex("^arn:[^:]+:(logs:us-east-1:[0-9]*:log-group|s3:::)", var.access_log_destination_arn))
    error_message = "The ARN of a log group in us-east-1 or of an S3 bucket."
  }
}

variable "health_check_interval_s" {
  description = "Seconds between two requests of one health checker: 30, or 10 for a faster failover at a higher price (about $1 more a month and region)."
  type        = number
  default     = 30

  validation {
    condition     = contains([10, 30], var.health_check_interval_s)
    error_message = "10 or 30."
  }
}

variable "tags" {
  description = "Tags of everything that takes some."
  type        = map(string)
  default     = {}
}
