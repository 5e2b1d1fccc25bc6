# `pytest tests/terraform` makes the package and sets TF_VAR_package_dir.

mock_provider "aws" {
  source = "../../tests/mocks"

  override_data {
    target = module.region.module.existing_network[0].data.aws_subnet.given["subnet-1"]
    values = { vpc_id = "vpc-1", availability_zone = "us-east-1a" }
  }

  override_data {
    target = module.region.module.existing_network[0].data.aws_subnet.given["subnet-2"]
    values = { vpc_id = "vpc-1", availability_zone = "us-east-1b" }
  }
}

variables {
  vpc_id                   = "vpc-1"
  subnet_ids               = ["subnet-1", "subnet-2"]
  redis_host               = "cache.example.com"
  kms_key_arn              = "arn:aws:kms:us-east-1:123456789012:key/1"
  permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
}

run "what_the_company_has_is_used" {
  command = plan

  assert {
    condition     = module.region.cache.kind == "external" && module.region.cache.url == "rediss://tidings:{redis_password}@cache.example.com:6379"
    error_message = "The cache is the company's, and no plan has its password."
  }

  assert {
    condition     = module.region.alarms != null
    error_message = "The region is watched."
  }
}
