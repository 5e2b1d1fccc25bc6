# `pytest tests/terraform` makes the package and sets TF_VAR_package_dir.

mock_provider "aws" {
  alias  = "first"
  source = "../../tests/mocks"
}

mock_provider "aws" {
  alias  = "second"
  source = "../../tests/mocks"

  mock_data "aws_region" {
    defaults = { id = "eu-west-1" }
  }
}

mock_provider "aws" {
  alias  = "third"
  source = "../../tests/mocks"

  mock_data "aws_region" {
    defaults = { id = "ap-southeast-1" }
  }
}

variables {
  redis_urls = ["rediss://cache-1.example.com:6379", "rediss://cache-2.example.com:6379", "rediss://cache-3.example.com:6379"]
}

run "can_be_planned_from_nothing" {
  command = plan
}

run "regions_are_alike" {
  assert {
    condition     = toset(keys(output.regions)) == toset(["us-east-1", "eu-west-1", "ap-southeast-1"]) && alltrue([for region in output.regions : contains(keys(region.function_names), "replicated")])
    error_message = "Every region must carry what the others wrote."
  }

  assert {
    condition     = toset(keys(module.first.replica_streams)) == toset(["eu-west-1", "ap-southeast-1"])
    error_message = "The first region must create the replicas."
  }

  assert {
    condition     = alltrue([for region, each in output.regions : toset(keys(each.endpoints)) == toset(["us-east-1", "eu-west-1", "ap-southeast-1"])])
    error_message = "GET /v1/endpoint must name all regions."
  }
}

run "a_cache_for_each_region" {
  command = plan

  variables {
    redis_urls = ["rediss://cache.example.com:6379", "rediss://cache.example.com:6379", "rediss://cache.example.com:6379"]
  }

  expect_failures = [var.redis_urls]
}
