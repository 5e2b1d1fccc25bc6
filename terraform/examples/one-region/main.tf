# The smallest complete deployment: one region, functions outside a VPC, a cache of your own.
# No NAT gateway, no ElastiCache, no custom domain, no dashboard and alarms (9 USD): about 5 USD a month
# when idle, according to `tidings cost`, mostly for metrics, schedules and polling of queues.

provider "aws" {
  region = var.region
}

module "region" {
  source = "../../modules/region"

  name        = "tidings"
  package_dir = var.package_dir
  cache       = { kind = "external", url = var.redis_url }
  monitoring  = { create = false }

  # So that `terraform destroy` works at once.
  tables               = { deletion_protection = false }
  secret_recovery_days = 0
}
