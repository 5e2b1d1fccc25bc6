output "url" {
  description = "The URL of the service for clients: the edge, or the HTTP API if there is no edge."
  value       = var.edge.create ? module.edge[0].url : module.primary.urls.http
}

output "websocket_url" {
  description = "The URL of the JSON websocket. With several shards it contains the placeholder {shard}."
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
  description = "Each region's APIs and addresses, functions, queues, tables and secret."
  value       = local.regions
}
