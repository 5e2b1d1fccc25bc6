output "websocket_apis" {
  description = "The WebSocket APIs in the order of shards: id, stage, endpoint, domain."
  value       = module.app.websocket_apis
}

output "http_api" {
  description = "The HTTP API: id, endpoint, domain."
  value       = module.app.http_api
}

output "urls" {
  description = "Where clients reach this region without an edge: websocket, http."
  value       = module.app.urls
}

output "domain_targets" {
  description = "What DNS records of the custom domains point to, by websocket and http."
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

output "cache" {
  description = "Kind, id, URL, port and security group of the cache."
  value       = module.cache.cache
}

output "alarms" {
  description = "Dashboard, topic and names of the alarms; null without monitoring."
  value       = one(module.monitoring[*])
}

output "edge" {
  description = "What modules/edge takes for this region."
  value = {
    websocket_domains          = [for api in module.app.websocket_apis : api.domain != null ? api.domain : regex("^[a-z]+://([^/:]+)", api.endpoint)[0]]
    websocket_stages           = [for api in module.app.websocket_apis : api.stage]
    http_domain                = module.app.http_api.domain != null ? module.app.http_api.domain : local.http_host
    health_host                = local.http_host
    regional_websocket_targets = [for api in module.app.websocket_apis : module.app.domain_targets.websocket if api.domain != null]
    # Null or not is known before API Gateway says what the target is.
    regional_http_target = var.app.domains == null ? null : module.app.domain_targets["http"]
  }
}

output "secret" {
  description = "The secret's name and ARN; its value is not Terraform's."
  value       = local.secret
}

output "broadcast" {
  description = "What the other regions' `peers` takes for this one."
  value       = module.messaging.broadcast
}
