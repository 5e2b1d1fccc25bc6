# The package's folder comes as TF_VAR_package_dir: `pytest tests/terraform` packages for it.

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
    error_message = "Alarms and a dashboard are the most that an idle region costs."
  }
}
