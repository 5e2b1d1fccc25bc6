# The root module with its second region: tests/terraform/test_two_regions.py uncomments it.

mock_provider "aws" {
  alias  = "primary"
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "us_east_1"
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "eu_west_1"
  source = "./tests/mocks"

  mock_data "aws_region" {
    defaults = { id = "eu-west-1" }
  }
}

override_resource {
  target = module.edge[0].aws_acm_certificate.this
  values = {
    arn = "arn:aws:acm:us-east-1:123456789012:certificate/0"
    domain_validation_options = [{
      domain_name           = "chat.example.com"
      resource_record_name  = "_a.chat.example.com"
      resource_record_type  = "CNAME"
      resource_record_value = "_b.acm-validations.aws"
    }]
  }
}

override_resource {
  target = module.edge[0].aws_acm_certificate_validation.this
  values = { certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/0" }
}

variables {
  edge = { domain = "chat.example.com", zone_id = "Z1" }
  app = {
    domains = {
      websocket = { name = "ws.example.com", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1" }
      http      = { name = "api.example.com", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/2" }
    }
  }
  kms_key_arns = {
    us-east-1 = "arn:aws:kms:us-east-1:123456789012:key/1"
    eu-west-1 = "arn:aws:kms:eu-west-1:123456789012:key/2"
  }
}

run "can_be_planned_from_nothing" {
  command = plan
}

run "both_are_complete" {
  assert {
    condition     = toset(keys(output.regions)) == toset(["us-east-1", "eu-west-1"]) && output.region == "us-east-1"
    error_message = "Two regions, one of them primary."
  }

  assert {
    condition     = output.regions.us-east-1.secret.arn == "arn:aws:secretsmanager:us-east-1:123456789012:secret:mock-AbCdEf" && output.regions.eu-west-1.secret.arn == "arn:aws:secretsmanager:eu-west-1:123456789012:secret:tidings-secrets-??????"
    error_message = "The second has a replica of the primary's secret."
  }

  assert {
    condition     = contains(output.regions.us-east-1.alarms.alarm_names, "tidings-replication-messages-eu-west-1") && contains(output.regions.eu-west-1.alarms.alarm_names, "tidings-replication-messages-us-east-1")
    error_message = "Replication is watched in both directions."
  }

  assert {
    condition     = alltrue([for region in output.regions : contains(keys(region.function_names), "replicated") && contains(region.dead_letter_queues, "tidings-replicated-dead")]) && local.order == ["us-east-1", "eu-west-1"]
    error_message = "Each region must carry what the other one wrote."
  }

  assert {
    condition     = keys(output.regions.us-east-1.replica_streams) == ["eu-west-1"]
    error_message = "The second region must get the streams of its replicas from the primary."
  }

  assert {
    condition     = toset(keys(module.edge[0].health_check_ids)) == toset(["us-east-1", "eu-west-1"])
    error_message = "The edge must route to both regions."
  }

  assert {
    condition     = toset(keys(local.app.endpoints)) == toset(["us-east-1", "eu-west-1"]) && length(distinct(values(local.app.endpoints))) == 1
    error_message = "GET /v1/endpoint must list both regions under one host."
  }
}
