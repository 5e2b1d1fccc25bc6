# `pytest tests/terraform` makes the package and sets TF_VAR_package_dir.

mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  redis_url = "rediss://cache.example.com:6379"
}

run "nothing_that_costs_by_the_hour" {
  assert {
    condition     = output.secret.name == "tidings-secrets" && endswith(output.websocket_url, "/prod") && module.region.cache.kind == "external"
    error_message = "A region with an external cache."
  }

  assert {
    condition     = module.region.alarms == null
    error_message = "The example must not create alarms and a dashboard, which are the largest cost of an idle region."
  }
}
