output "websocket_apis" {
  description = "The WebSocket APIs in the order of shards: id, stage, endpoint, domain."
  value       = module.app.websocket_apis
}

output "http_api" {
  description = "The HTTP API: id, endpoint, domain."
  value       = module.app.http_api
}

output "urls" {
  description = "The URLs of this region without an edge: websocket and http."
  value       = module.app.urls
}

output "endpoints" {
  description = "The regions that GET /v1/endpoint names, with their URLs."
  value       = module.app.endpoints
}

output "domain_targets" {
  description = "Targets for the DNS records of the custom domains, by websocket and http."
  value       = module.app.domain_targets
}

output "function_names" {
  description = "Deployed function names by short name."
  value       = module.app.function_names
}

output "queues" {
  description = "Queues by short name: name, arn, url."
  value       = module.messaging.queues
}

output "dead_letter_queues" {
  description = "Names of the dead-letter queues."
  value       = module.messaging.dead_letter_queues
}

output "tables" {
  description = "Table names by short name."
  value       = module.tables.names
}

output "replica_streams" {
  description = "In the primary: the variable `streams` of each other region, by region."
  value       = module.tables.replica_streams
}

output "cache" {
  description = "Kind, id, URL, port and security group of the cache."
  value       = module.cache.cache
}

output "alarms" {
  description = "Dashboard, topic and alarm names; null without monitoring."
  value       = one(module.monitoring[*])
}

output "edge" {
  description = "This region's entry in the variable `regions` of modules/edge."
  value = {
    websocket_domains          = [for api in module.app.websocket_apis : api.domain != null ? api.domain : regex("^[a-z]+://([^/:]+)", api.endpoint)[0]]
    websocket_stages           = [for api in module.app.websocket_apis : api.stage]
    http_domain                = module.app.http_api.domain != null ? module.app.http_api.domain : local.http_host
    health_host                = local.http_host
    regional_websocket_targets = [for api in module.app.websocket_apis : module.app.domain_targets.websocket if api.domain != null]
    # Whether this is null must be known in the plan, before API Gateway returns the target.
    regional_http_target = var.app.domains == null ? null : module.app.domain_targets["http"]
  }
}

output "secret" {
  description = "The secret's name and ARN. Terraform does not manage its value."
  value       = local.secret
}

output "broadcast" {
  description = "This region's entry in the variable `peers` of the other regions."
  value       = merge(module.messaging.broadcast, { endpoint = module.app.own_endpoint })
}

output "experiments" {
  description = "Ids of the templates of the Fault Injection Service by drill; {} without them."
  value       = try(module.experiments[0].templates, {})
}
