# `pytest tests/terraform` makes the package and sets TF_VAR_package_dir.

mock_provider "aws" {
  alias  = "primary"
  source = "./tests/mocks"
}

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
    condition     = output.edge && output.url == "https://${module.edge[0].domain}" && output.websocket_url == "wss://${module.edge[0].domain}/ws"
    error_message = "The outputs must name the edge as the URL for clients."
  }
}

run "clients_are_sent_to_the_one_host_when_it_has_a_domain" {
  state_key = "two-shards"
  command   = plan

  variables {
    edge = { domain = "chat.example.com", zone_id = "Z1" }
    app  = { shards = 2 }
  }

  assert {
    condition     = jsonencode(local.app.endpoints) == jsonencode({ us-east-1 = { health = "https://chat.example.com/v1/health", websocket = "wss://chat.example.com/{shard}" } }) && local.app.shards == 2
    error_message = "GET /v1/endpoint must name the edge, not the APIs."
  }
}

run "without_an_edge_clients_use_the_apis" {
  command = plan

  variables {
    edge = { create = false }
    app = {
      domains = {
        websocket = { name = "ws.example.com", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1" }
        http      = { name = "api.example.com", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/2" }
      }
    }
  }

  assert {
    condition     = output.websocket_url == "wss://ws.example.com/prod" && output.url == "https://api.example.com" && !output.edge
    error_message = "GET /v1/endpoint must name the APIs' own domains, with the stage, which is the mapping key."
  }
  assert {
    condition     = !contains(keys(local.app.settings), "TIDINGS_EDGE_PROOFS")
    error_message = "Without an edge, nobody is believed to be one."
  }
}

run "the_functions_know_the_edge_by_its_proof" {
  assert {
    condition     = local.app.settings.TIDINGS_EDGE_PROOFS == join(",", [for version in ["0", "1"] : sha256(terraform_data.edge_proof[version].output)])
    error_message = "Digests of the proof and of the one before."
  }
  assert {
    condition     = length(distinct([for proof in values(terraform_data.edge_proof) : proof.output])) == 2
    error_message = "Each proof is another one."
  }
}

run "a_new_proof_is_known_before_it_is_used_and_the_old_one_until_then" {
  variables {
    edge = { proof_version = 2 }
  }
  assert {
    condition     = local.app.settings.TIDINGS_EDGE_PROOFS == join(",", [for version in ["1", "2"] : sha256(terraform_data.edge_proof[version].output)])
    error_message = "The functions take what the distribution has sent so far as well as the new proof."
  }
}

run "emulators" {
  variables {
    aws_endpoint_url = "http://127.0.0.1:4566"
    connections_url  = "http://127.0.0.1:8080"
    redis_url        = "redis://127.0.0.1:6379"
  }

  assert {
    condition     = output.regions.us-east-1.cache.url == "redis://127.0.0.1:6379" && output.regions.us-east-1.cache.kind == "serverless"
    error_message = "The cache must be created, and the functions must use redis_url."
  }
}

run "what_it_may_cost" {
  command = plan

  variables {
    tables     = { on_demand_throughput = { read_units = 4000, write_units = 2000 } }
    app        = { account_concurrency = 2000 }
    monitoring = { monthly_budget_usd = 500 }
  }

  assert {
    condition     = output.regions.us-east-1.function_names.deliver == "tidings-deliver"
    error_message = "The ceilings and the budget are parts of the root's variables."
  }
}
