# The smallest complete deployment: one region, functions outside a VPC, a cache of your own.
# No NAT gateway, no ElastiCache, no custom domain, no dashboard and alarms (9 USD): about 5 USD a month
# while nobody uses it, by the model of `tidings cost`, most of it for metrics, schedules and queues asked.

provider "aws" {
  region = var.region
}

module "region" {
  source = "../../modules/region"

  name        = "tidings"
  package_dir = var.package_dir
  cache       = { kind = "external", url = var.redis_url }
  monitoring  = { create = false }

  # So that it can be taken down again.
  tables               = { deletion_protection = false }
  secret_recovery_days = 0
}
