# `pytest tests/terraform` makes the package and sets TF_VAR_package_dir.

mock_provider "aws" {
  source = "../../tests/mocks"
}

mock_provider "aws" {
  alias  = "us_east_1"
  source = "../../tests/mocks"
}

variables {
  domain    = "chat.example.com"
  zone_id   = "Z0123456789"
  redis_url = "rediss://cache.example.com:6379"
}

run "clients_use_the_host" {
  command = plan

  assert {
    condition     = output.url == "https://chat.example.com" && output.websocket_url == "wss://chat.example.com/ws"
    error_message = "Clients must get the host."
  }

  assert {
    condition     = module.region.endpoints["us-east-1"].websocket == "wss://chat.example.com/ws"
    error_message = "GET /v1/endpoint must name the host."
  }
}
