output "url" {
  description = "Where clients reach the service: the edge, or without it the HTTP API."
  value       = var.edge.create ? module.edge[0].url : module.primary.urls.http
}

output "websocket_url" {
  description = "The JSON websocket; of several shards {shard} is replaced."
  value       = var.edge.create ? module.edge[0].websocket_url : module.primary.urls.websocket
}

output "edge" {
  description = "Whether one host serves websockets, Socket.IO and HTTP."
  value       = var.edge.create
}

output "region" {
  description = "The primary region."
  value       = var.region
}

output "regions" {
  description = "What each region has: APIs and their addresses, functions, queues, tables, secret."
  value       = local.regions
}
