output "websocket_url" {
  description = "Where clients connect."
  value       = "${module.region.websocket_apis[0].endpoint}/${module.region.websocket_apis[0].stage}"
}

output "http_url" {
  description = "The HTTP API."
  value       = module.region.http_api.endpoint
}

output "secret" {
  description = "Write its value: {\"jwt_secret\": \"…\"}."
  value       = module.region.secret
}
