output "url" {
  description = "Where clients reach the service: the edge, or without it the HTTP API."
  value       = var.edge.create ? module.edge[0].url : module.us_east_1.http_api.endpoint
}

output "websocket_url" {
  description = "The JSON websocket; of several shards {shard} is replaced."
  value       = var.edge.create ? module.edge[0].websocket_url : "${module.us_east_1.websocket_apis[0].endpoint}/${module.us_east_1.websocket_apis[0].stage}"
}

output "regions" {
  description = "What each region has: APIs, functions, queues, tables, secret."
  value = {
    us-east-1 = {
      websocket_apis = module.us_east_1.websocket_apis
      http_api       = module.us_east_1.http_api
      domain_targets = module.us_east_1.domain_targets
      function_names = module.us_east_1.function_names
      queues         = module.us_east_1.queues
      tables         = module.us_east_1.tables
      cache          = module.us_east_1.cache
      secret         = module.us_east_1.secret
      alarms         = module.us_east_1.alarms
      broadcast      = module.us_east_1.broadcast
    }
  }
}
