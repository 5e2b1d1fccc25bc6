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
      broadcast      = module.us_east_1.broadcast
    }
  }
}
