# Tidings in production: one block for each region.

locals {
  # An external cache in the place of ElastiCache; or, beside it, where emulated functions find one.
  cache = var.redis_url == null ? var.cache : merge(var.cache, { url = var.redis_url })

  functions_endpoint_url = var.lambda_aws_endpoint_url != null ? var.lambda_aws_endpoint_url : var.aws_endpoint_url
}

module "us_east_1" {
  source    = "./modules/region"
  providers = { aws = aws.us_east_1 }

  primary         = true
  replica_regions = var.replica_regions
  # With a second region: { eu-west-1 = module.eu_west_1.broadcast }
  peers = {}

  name                 = var.name
  package_dir          = var.package_dir
  tables               = var.tables
  cache                = local.cache
  network              = var.network
  app                  = var.app
  monitoring           = var.monitoring
  metrics_namespace    = var.metrics_namespace
  kms_key_arn          = lookup(var.kms_key_arns, "us-east-1", null)
  replica_kms_key_arns = var.kms_key_arns
  secret_recovery_days = var.secret_recovery_days
  connections_url      = var.connections_url
  aws_endpoint_url     = local.functions_endpoint_url
}

module "edge" {
  source    = "./modules/edge"
  count     = var.edge.create ? 1 : 0
  providers = { aws = aws.us_east_1, aws.us_east_1 = aws.us_east_1 }

  name    = var.name
  domain  = var.edge.domain
  zone_id = var.edge.zone_id
  regions = {
    us-east-1 = module.us_east_1.edge
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
#   peers   = { us-east-1 = module.us_east_1.broadcast }
#
#   name                 = var.name
#   package_dir          = var.package_dir
#   tables               = var.tables
#   cache                = local.cache
#   network              = merge(var.network, { cidr = "10.61.0.0/16" })
#   app                  = var.app
#   monitoring           = var.monitoring
#   metrics_namespace    = var.metrics_namespace
#   kms_key_arn          = lookup(var.kms_key_arns, "eu-west-1", null)
#   secret_recovery_days = var.secret_recovery_days
# }
