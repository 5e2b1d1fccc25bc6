# Three regions, outside a VPC, each with a cache of your own. All are alike: see ../two-regions.

provider "aws" {
  alias  = "first"
  region = var.regions[0]
}

provider "aws" {
  alias  = "second"
  region = var.regions[1]
}

provider "aws" {
  alias  = "third"
  region = var.regions[2]
}

locals {
  # What each region needs from the others.
  broadcasts = {
    (var.regions[0]) = module.first.broadcast
    (var.regions[1]) = module.second.broadcast
    (var.regions[2]) = module.third.broadcast
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

module "third" {
  source    = "../../modules/region"
  providers = { aws = aws.third }

  primary = false
  regions = var.regions
  streams = module.first.replica_streams[var.regions[2]]
  peers   = local.broadcasts

  name             = "tidings"
  package_dir      = var.package_dir
  cache            = { kind = "external", url = var.redis_urls[2] }
  monitoring       = { create = var.monitoring }
  connections_url  = var.connections_urls[2]
  aws_endpoint_url = var.aws_endpoint_url

  # So that `terraform destroy` works at once.
  tables               = { deletion_protection = false }
  secret_recovery_days = 0
}
