output "url" {
  description = "The URL of the service for clients."
  value       = module.edge.url
}

output "websocket_url" {
  description = "The URL of the JSON websocket."
  value       = module.edge.websocket_url
}

output "secret" {
  description = "The secret. Set its value to {\"jwt_secret\": \"…\"}."
  value       = module.region.secret
}
