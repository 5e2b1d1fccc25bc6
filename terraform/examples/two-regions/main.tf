# Two regions, outside a VPC, each with a cache of your own. Both are alike: clients may use either one, and
# what is written in one is pushed in the other.
#
# Provider 5.100 has one region per provider, and a module cannot choose its provider by a variable. So each
# region has a provider and a module block.

provider "aws" {
  alias  = "first"
  region = var.regions[0]
}

provider "aws" {
  alias  = "second"
  region = var.regions[1]
}

locals {
  # What each region needs from the others.
  broadcasts = {
    (var.regions[0]) = module.first.broadcast
    (var.regions[1]) = module.second.broadcast
  }
}

module "first" {
  source    = "../../modules/region"
  providers = { aws = aws.first }

  regions = var.regions
  peers   = local.broadcasts

  name             = "tidings"
  package_dir      = var.package_dir
  cache            = { kind = "external", url = var.redis_urls[0] }
  monitoring       = { create = var.monitoring }
  connections_url  = var.connections_urls[0]
  aws_endpoint_url = var.aws_endpoint_url

  # So that `terraform destroy` works at once.
  tables               = { deletion_protection = false }
  secret_recovery_days = 0
}

module "second" {
  source    = "../../modules/region"
  providers = { aws = aws.second }

  primary = false
  regions = var.regions
  streams = module.first.replica_streams[var.regions[1]]
  peers   = local.broadcasts

  name             = "tidings"
  package_dir      = var.package_dir
  cache            = { kind = "external", url = var.redis_urls[1] }
  monitoring       = { create = var.monitoring }
  connections_url  = var.connections_urls[1]
  aws_endpoint_url = var.aws_endpoint_url

  # So that `terraform destroy` works at once.
  tables               = { deletion_protection = false }
  secret_recovery_days = 0
}
