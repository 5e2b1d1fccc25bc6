output "websocket_url" {
  description = "The websocket URL for clients."
  value       = "${module.region.websocket_apis[0].endpoint}/${module.region.websocket_apis[0].stage}"
}

output "http_url" {
  description = "The URL of the HTTP API."
  value       = module.region.http_api.endpoint
}

output "secret" {
  description = "The secret. Set its value to {\"jwt_secret\": \"…\"}."
  value       = module.region.secret
}
