# One region in a company's own VPC, with its own cache, key, and rules for roles.

provider "aws" {
  region = var.region
}

module "region" {
  source = "../../modules/region"

  name        = "tidings"
  package_dir = var.package_dir

  network = { existing = { vpc_id = var.vpc_id, subnet_ids = var.subnet_ids } }
  # The password is in the secret, as redis_password. No plan, state or function's environment has it.
  cache        = { kind = "external", url = "rediss://tidings:{redis_password}@${var.redis_host}:6379", url_is_cluster = var.redis_is_cluster }
  kms_key_arns = { (var.region) = var.kms_key_arn }
  iam          = { path = "/chat/", permissions_boundary_arn = var.permissions_boundary_arn }
  monitoring   = { alarm_emails = var.alarm_emails }
}
