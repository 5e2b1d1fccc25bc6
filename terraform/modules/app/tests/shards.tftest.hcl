# `pytest tests/terraform` makes the package and sets TF_VAR_package_dir.

mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name   = "chat"
  tables = { for name, _ in jsondecode(file("../../resources.json")).tables : name => { arn = "arn:aws:dynamodb:us-east-1:123456789012:table/chat-${name}" } }
  queues = { for name, queue in jsondecode(file("../../resources.json")).queues : name => { arn = "arn:aws:sqs:us-east-1:123456789012:chat-${name}", visibility_timeout_s = queue.visibility_timeout_s } }
  secret = { name = "chat-secrets", arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:chat-secrets-AbCdEf" }
  redis  = { url = "redis://cache.example.com:6379", cluster = false }
}

run "shards" {
  variables {
    shards = 3
  }

  assert {
    condition     = [for api in output.websocket_apis : api.stage] == ["ws-0", "ws-1", "ws-2"] && length(aws_apigatewayv2_api.websocket) == 3
    error_message = "An API for each shard, in their order."
  }

  assert {
    condition     = output.environment.TIDINGS_SHARDS == "3" && output.environment.TIDINGS_ENDPOINTS == "{}"
    error_message = "Without a custom domain, shards have no common address to name."
  }

  assert {
    condition     = length(one([for statement in jsondecode(aws_iam_role_policy.function["deliver"].policy).Statement : statement.Resource if statement.Sid == "Connections"])) == 3
    error_message = "Posts go to all shards."
  }
}

run "the_most_shards" {
  variables {
    shards = 10
  }

  assert {
    condition     = alltrue([for policy in aws_iam_role_policy.function : length(policy.policy) < 10240])
    error_message = "IAM takes 10,240 characters of inline policies."
  }
}

run "more_shards_than_an_alarm_can_sum" {
  command = plan

  variables {
    shards = 11
  }

  expect_failures = [var.shards]
}

run "domains" {
  variables {
    shards = 2
    domains = {
      websocket = { name = "ws.example.com", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1" }
      http      = { name = "api.example.com", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1" }
    }
  }

  assert {
    condition     = { for stage, mapping in aws_apigatewayv2_api_mapping.websocket : stage => mapping.api_mapping_key } == { ws-0 = "ws-0", ws-1 = "ws-1" } && length(aws_apigatewayv2_api_mapping.http) == 1
    error_message = "Shards are paths of one domain."
  }

  assert {
    condition     = jsondecode(output.environment.TIDINGS_ENDPOINTS).us-east-1.websocket == "wss://ws.example.com/{shard}"
    error_message = "Clients are sent to their shard."
  }

  assert {
    condition     = output.domain_targets.http.zone_id == "Z1UJRXOUMOOFQ8"
    error_message = "What DNS needs."
  }
}

run "a_certificate_of_another_region_is_refused" {
  state_key = "a_certificate_of_another_region_is_refused"
  command   = plan

  variables {
    domains = {
      websocket = { name = "ws.example.com", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1" }
      http      = { name = "api.example.com", certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/1" }
    }
  }

  expect_failures = [aws_apigatewayv2_domain_name.this["http"]]
}

run "one_name_for_both_is_refused" {
  state_key = "one_name_for_both_is_refused"
  command   = plan

  variables {
    domains = {
      websocket = { name = "ws.example.com", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1" }
      http      = { name = "ws.example.com", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1" }
    }
  }

  expect_failures = [var.domains]
}
