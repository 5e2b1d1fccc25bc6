# Tidings in production: one block for each region.

locals {
  # An external cache in the place of ElastiCache; or, beside it, where emulated functions find one.
  cache = var.redis_url == null ? var.cache : merge(var.cache, { url = var.redis_url })

  # What GET /v1/endpoint gives: what is set, else the one host if it has a domain, else the APIs' own.
  edge_endpoints = !var.edge.create || var.edge.domain == null ? {} : {
    (var.region) = {
      websocket = "wss://${var.edge.domain}/${try(var.app.shards, 1) == 1 ? "ws" : "{shard}"}"
      health    = "https://${var.edge.domain}/v1/health"
    }
  }
  app = merge(var.app, { endpoints = merge(local.edge_endpoints, try(var.app.endpoints, {})) })
}

module "primary" {
  source    = "./modules/region"
  providers = { aws = aws.primary }

  primary         = true
  replica_regions = var.replica_regions
  # With a second region: { eu-west-1 = module.eu_west_1.broadcast }
  peers = {}

  name                 = var.name
  package_dir          = var.package_dir
  tables               = var.tables
  cache                = local.cache
  network              = var.network
  app                  = local.app
  monitoring           = var.monitoring
  metrics_namespace    = var.metrics_namespace
  kms_key_arn          = lookup(var.kms_key_arns, var.region, null)
  replica_kms_key_arns = var.kms_key_arns
  secret_recovery_days = var.secret_recovery_days
  connections_url      = var.connections_url
  aws_endpoint_url     = var.aws_endpoint_url
}

module "edge" {
  source    = "./modules/edge"
  count     = var.edge.create ? 1 : 0
  providers = { aws = aws.primary, aws.us_east_1 = aws.us_east_1 }

  name    = var.name
  domain  = var.edge.domain
  zone_id = var.edge.zone_id
  regions = {
    (var.region) = module.primary.edge
  }
  price_class                = var.edge.price_class
  web_acl_arn                = var.edge.web_acl_arn
  access_log_destination_arn = var.edge.access_log_destination_arn
  health_check_interval_s    = var.edge.health_check_interval_s
}

# A second region. README.md has the order of steps; `relay`, which carries messages between
# regions, is not there yet (modules/messaging/README.md).
#
# module "eu_west_1" {
#   source    = "./modules/region"
#   providers = { aws = aws.eu_west_1 }
#
#   primary = false
#   peers   = { (var.region) = module.primary.broadcast }
#
#   name                 = var.name
#   package_dir          = var.package_dir
#   tables               = var.tables
#   cache                = local.cache
#   network              = merge(var.network, { cidr = "10.61.0.0/16" })
#   app                  = local.app
#   monitoring           = var.monitoring
#   metrics_namespace    = var.metrics_namespace
#   kms_key_arn          = lookup(var.kms_key_arns, "eu-west-1", null)
#   secret_recovery_days = var.secret_recovery_days
# }
