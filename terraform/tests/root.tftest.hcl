# The package's folder comes as TF_VAR_package_dir: `pytest tests/terraform` packages for it.

mock_provider "aws" {
  alias  = "us_east_1"
  source = "./tests/mocks"
}

run "defaults" {
  assert {
    condition     = keys(output.regions) == ["us-east-1"] && output.regions.us-east-1.function_names.deliver == "tidings-deliver"
    error_message = "One region, complete."
  }

  assert {
    condition     = length(local.endpoints) == 0 && !local.emulated
    error_message = "On AWS, no endpoint is overridden and no check skipped."
  }
}

run "emulators" {
  variables {
    aws_endpoint_url  = "http://127.0.0.1:4566"
    api_endpoint_urls = { apigatewayv2 = "http://127.0.0.1:4567" }
    connections_url   = "http://127.0.0.1:8080"
    redis_url         = "redis://127.0.0.1:6379"
  }

  assert {
    condition     = local.endpoints[0].dynamodb == "http://127.0.0.1:4566" && local.endpoints[0].apigatewayv2 == "http://127.0.0.1:4567"
    error_message = "Every API at the emulator, single ones elsewhere."
  }

  assert {
    condition     = output.regions.us-east-1.cache.url == "redis://127.0.0.1:6379" && output.regions.us-east-1.cache.kind == "serverless"
    error_message = "The cache is made, and the functions use the other one."
  }
}

run "an_unknown_part_of_app_is_refused" {
  command = plan

  variables {
    app = { shard = 2 }
  }

  expect_failures = [var.app]
}
