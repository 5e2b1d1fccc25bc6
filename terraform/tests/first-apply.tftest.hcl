# Each choice can be planned before anything exists: no for_each depends on ids that AWS assigns.
# `pytest tests/terraform` makes the package and sets TF_VAR_package_dir.

mock_provider "aws" {
  alias  = "primary"
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "us_east_1"
  source = "./tests/mocks"
}

run "a_replication_group" {
  command = plan

  variables {
    cache = { kind = "replication-group", shards = 2, replicas = 2 }
  }

  assert {
    condition     = length([for name in output.regions.us-east-1.alarms.alarm_names : name if startswith(name, "tidings-redis-cpu-")]) == 6
    error_message = "Each node must have its alarm."
  }
}

run "custom_domains_behind_the_edge" {
  command = plan

  variables {
    edge = { domain = "chat.example.com", zone_id = "Z1" }
    app = {
      domains = {
        websocket = { name = "ws.example.com", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1" }
        http      = { name = "api.example.com", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/2" }
      }
    }
  }

  assert {
    condition     = keys(module.edge[0].health_check_ids) == ["us-east-1"]
    error_message = "The edge must route to the region while it is healthy."
  }
}

run "customer_managed_keys" {
  command = plan

  variables {
    kms_key_arns = { us-east-1 = "arn:aws:kms:us-east-1:123456789012:key/1" }
  }
}
