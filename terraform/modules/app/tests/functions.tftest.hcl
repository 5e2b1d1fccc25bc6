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

run "functions_of_the_manifest" {
  assert {
    condition     = toset(keys(aws_lambda_function.this)) == toset(["websocket_connect", "websocket_message", "websocket_disconnect", "api_handler", "deliver", "outbound", "replicated", "sweep", "report"])
    error_message = "The functions are those of app.py."
  }

  assert {
    condition     = setunion(keys(aws_lambda_function.this), ["relay"]) == toset(keys(jsondecode(file("permissions.json"))))
    error_message = "Every function has its permissions, and none is left over. One region has nothing to relay."
  }

  assert {
    condition     = alltrue([for name, function in aws_lambda_function.this : function.function_name == "chat-${name}" && function.source_code_hash == jsondecode(file("${var.package_dir}/package.json")).sha256_base64])
    error_message = "Names with the prefix, code of the package."
  }

  assert {
    condition = alltrue([
      for name, function in aws_lambda_function.this :
      [function.handler, function.memory_size, function.timeout, function.runtime, function.architectures[0]] == [
        jsondecode(file("${var.package_dir}/chalice.tf.json")).resource.aws_lambda_function[name].handler,
        jsondecode(file("${var.package_dir}/chalice.tf.json")).resource.aws_lambda_function[name].memory_size,
        jsondecode(file("${var.package_dir}/chalice.tf.json")).resource.aws_lambda_function[name].timeout,
        jsondecode(file("${var.package_dir}/package.json")).runtime,
        jsondecode(file("${var.package_dir}/package.json")).architecture,
      ]
    ])
    error_message = "Handler, memory and time-out are the manifest's, runtime and architecture the package's."
  }

  assert {
    condition     = alltrue([for function in aws_lambda_function.this : jsonencode(function.environment[0].variables) == jsonencode(output.environment)])
    error_message = "Every function has the environment, and nothing beside it."
  }

  assert {
    condition     = alltrue([for name, group in aws_cloudwatch_log_group.function : group.name == "/aws/lambda/chat-${name}"])
    error_message = "A log group for every function, by the name that Lambda writes to."
  }

  assert {
    condition     = alltrue([for name, function in aws_lambda_function.this : function.logging_config[0].log_format == "JSON" && function.logging_config[0].system_log_level == "WARN" && function.logging_config[0].application_log_level == "INFO" && function.logging_config[0].log_group == aws_cloudwatch_log_group.function[name].name])
    error_message = "Lambda writes no START, END and REPORT lines, and filters none of the functions' own."
  }

  assert {
    condition     = alltrue([for group in concat(values(aws_cloudwatch_log_group.function), values(aws_cloudwatch_log_group.websocket), [aws_cloudwatch_log_group.http]) : group.retention_in_days == 30])
    error_message = "Every log group has a retention."
  }

  assert {
    condition     = alltrue([for function in aws_lambda_function.this : length(function.vpc_config) == 0])
    error_message = "No VPC unless asked."
  }
}

run "environment" {
  assert {
    condition = jsonencode(output.environment) == jsonencode({
      TIDINGS_POSTS_PER_S       = "7000"
      TIDINGS_PREFIX            = "chat"
      TIDINGS_SECRET_ID         = "chat-secrets"
      TIDINGS_SHARDS            = "1"
      TIDINGS_METRICS_NAMESPACE = "WeChat/WebSocket"
      TIDINGS_REDIS_URL         = "redis://cache.example.com:6379"
      TIDINGS_WEBSOCKET_APIS    = "${aws_apigatewayv2_api.websocket["prod"].id}/prod"
      TIDINGS_ENDPOINTS = jsonencode({ us-east-1 = {
        health    = "wss://abcdef1234.execute-api.us-east-1.amazonaws.com/v1/health"
        websocket = "wss://abcdef1234.execute-api.us-east-1.amazonaws.com/prod"
      } })
    })
    error_message = "The environment holds what is set, and nothing else."
  }
}

# The mock's ARNs are all the same, so these are overridden.
override_resource {
  target = aws_lambda_function.this["deliver"]
  values = { arn = "arn:aws:lambda:us-east-1:123456789012:function:chat-deliver" }
}

override_resource {
  target = aws_lambda_function.this["sweep"]
  values = { arn = "arn:aws:lambda:us-east-1:123456789012:function:chat-sweep" }
}

override_resource {
  target = aws_lambda_function.this["websocket_connect"]
  values = { invoke_arn = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012:function:chat-websocket_connect/invocations" }
}

override_resource {
  target = aws_lambda_function.this["api_handler"]
  values = { invoke_arn = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012:function:chat-api_handler/invocations" }
}

run "what_calls_which_function" {
  assert {
    condition     = [for name, mapping in aws_lambda_event_source_mapping.this : name if endswith(mapping.function_name, ":chat-deliver")] == ["deliver"] && [for name, target in aws_cloudwatch_event_target.this : name if endswith(target.arn, ":chat-sweep")] == ["sweep"]
    error_message = "A queue and a schedule call the function of their name."
  }

  assert {
    condition     = [for name, integration in aws_apigatewayv2_integration.websocket : name if strcontains(integration.integration_uri, ":chat-websocket_connect/")] == ["prod/$connect"] && strcontains(aws_apigatewayv2_integration.http.integration_uri, ":chat-api_handler/")
    error_message = "A route calls its function."
  }
}

run "queues_and_schedules_of_the_manifest" {
  assert {
    condition     = { for name, mapping in aws_lambda_event_source_mapping.this : name => mapping.event_source_arn } == { deliver = "arn:aws:sqs:us-east-1:123456789012:chat-delivery", outbound = "arn:aws:sqs:us-east-1:123456789012:chat-outbound" }
    error_message = "Each queue calls its function."
  }

  assert {
    condition     = alltrue([for mapping in aws_lambda_event_source_mapping.this : toset(mapping.function_response_types) == toset(["ReportBatchItemFailures"]) && mapping.batch_size == 10 && mapping.scaling_config[0].maximum_concurrency == 100])
    error_message = "Partial batch responses, the batch size of app.py, a limit of concurrency."
  }

  assert {
    condition     = { for name, permission in aws_lambda_permission.schedule : name => [permission.function_name, permission.principal, permission.source_arn] } == { for name in ["sweep", "report"] : name => ["chat-${name}", "events.amazonaws.com", "arn:aws:events:us-east-1:123456789012:rule/mock"] }
    error_message = "A schedule's rule may call its function, and no other rule may."
  }

  assert {
    condition     = { for name, target in aws_cloudwatch_event_target.this : name => [target.rule, target.arn] } == { for name in ["sweep", "report"] : name => ["chat-${name}", aws_lambda_function.this[name].arn] }
    error_message = "A schedule calls its function."
  }

  assert {
    condition     = length(aws_lambda_event_source_mapping.stream) == 0
    error_message = "One region reads no stream."
  }

  assert {
    condition     = { for name, rule in aws_cloudwatch_event_rule.this : name => rule.schedule_expression } == { sweep = "rate(1 minute)", report = "rate(1 minute)" }
    error_message = "The schedules of app.py."
  }
}

run "a_log_level_that_lambda_does_not_have" {
  command = plan

  variables {
    system_log_level = "ERROR"
  }

  expect_failures = [var.system_log_level]
}

run "a_visibility_time_out_that_lambda_refuses" {
  command = plan

  variables {
    queues = { for name, queue in jsondecode(file("../../resources.json")).queues : name => { arn = "arn:aws:sqs:us-east-1:123456789012:chat-${name}", visibility_timeout_s = 1 } }
  }

  expect_failures = [aws_lambda_event_source_mapping.this]
}

run "reserved_concurrency_of_no_function" {
  command = plan

  variables {
    reserved_concurrency = { api = 5 }
  }

  expect_failures = [var.reserved_concurrency]
}

run "concurrency_of_a_queue_that_calls_nothing" {
  command = plan

  variables {
    queue_concurrency = { deliver = 5 }
  }

  expect_failures = [var.queue_concurrency]
}

run "api_gateway_cannot_take_all_executions_of_the_account" {
  command = plan

  assert {
    condition     = { for name, function in aws_lambda_function.this : name => function.reserved_concurrent_executions if function.reserved_concurrent_executions != -1 } == { api_handler = 400, websocket_message = 250, websocket_connect = 100, websocket_disconnect = 50 }
    error_message = "Of the default quota of 1,000, what API Gateway calls gets 800 at most."
  }
}

run "of_a_small_quota_nothing_is_reserved" {
  command = plan

  variables {
    account_concurrency = 100
  }

  assert {
    condition     = alltrue([for function in aws_lambda_function.this : function.reserved_concurrent_executions == -1])
    error_message = "AWS wants 100 executions to stay unreserved."
  }
}

run "more_than_there_is_cannot_be_reserved" {
  command = plan

  variables {
    reserved_concurrency = { deliver = 200 }
  }

  expect_failures = [aws_lambda_function.this]
}

run "numbers_of_ones_own" {
  command = plan

  variables {
    account_concurrency  = 5000
    reserved_concurrency = { api_handler = 300, websocket_disconnect = -1, deliver = 200 }
  }

  assert {
    condition     = { for name, function in aws_lambda_function.this : name => function.reserved_concurrent_executions if function.reserved_concurrent_executions != -1 } == { api_handler = 300, websocket_message = 1250, websocket_connect = 500, deliver = 200 }
    error_message = "What is named replaces the share."
  }
}
