output "regions" {
  description = "Each region's APIs and addresses, functions, queues, tables and secret."
  value = {
    (var.regions[0]) = module.first
    (var.regions[1]) = module.second
    (var.regions[2]) = module.third
  }
}

output "urls" {
  description = "The URLs of each region for clients: websocket and http. GET /v1/endpoint names the nearest one."
  value = {
    (var.regions[0]) = module.first.urls
    (var.regions[1]) = module.second.urls
    (var.regions[2]) = module.third.urls
  }
}
