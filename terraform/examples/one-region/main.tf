# The smallest complete deployment: one region, functions outside a VPC, a cache of your own.
# No NAT gateway, no ElastiCache, no custom domain: it costs nothing while nobody uses it.

provider "aws" {
  region = var.region
}

module "region" {
  source = "../../modules/region"

  name        = "tidings"
  package_dir = var.package_dir
  cache       = { kind = "external", url = var.redis_url }

  # So that it can be taken down again.
  tables               = { deletion_protection = false }
  secret_recovery_days = 0
}
