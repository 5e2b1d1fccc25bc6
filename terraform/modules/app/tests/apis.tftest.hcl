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

run "websocket_api" {
  assert {
    condition     = toset(keys(aws_apigatewayv2_route.websocket)) == toset(["prod/$connect", "prod/$default", "prod/$disconnect"]) && toset(keys(aws_apigatewayv2_route_response.websocket)) == toset(["prod/$default"])
    error_message = "There must be three routes, and $default must return the function's body."
  }

  assert {
    condition     = !strcontains(aws_apigatewayv2_stage.websocket["prod"].access_log_settings[0].format, "path") && !strcontains(aws_apigatewayv2_stage.websocket["prod"].access_log_settings[0].format, "query") && strcontains(aws_apigatewayv2_stage.websocket["prod"].access_log_settings[0].format, "$context.requestId")
    error_message = "Access logs hold no tokens, which come in the query."
  }

  assert {
    condition     = !strcontains(aws_apigatewayv2_stage.websocket["prod"].access_log_settings[0].format, "messageString")
    error_message = "messageString is already quoted, so the line would not be JSON."
  }

  assert {
    condition     = aws_cloudwatch_log_group.websocket["prod"].name == "/aws/vendedlogs/apigateway/chat/prod"
    error_message = "Names that need no line in the account's resource policy."
  }

  assert {
    condition     = aws_apigatewayv2_stage.websocket["prod"].default_route_settings[0].detailed_metrics_enabled == false
    error_message = "Metrics by route cost, and nothing reads them."
  }

  assert {
    condition     = toset(keys(aws_apigatewayv2_deployment.websocket["prod"].triggers)) == toset(["$connect", "$default", "$disconnect"]) && jsondecode(aws_apigatewayv2_deployment.websocket["prod"].triggers["$default"]).answers == "$default" && jsondecode(aws_apigatewayv2_deployment.websocket["prod"].triggers["$default"]).content == "CONVERT_TO_TEXT"
    error_message = "What a route does is deployed when it changes, not only which function it calls."
  }

  assert {
    condition     = aws_apigatewayv2_stage.websocket["prod"].default_route_settings[0].data_trace_enabled == false && aws_apigatewayv2_stage.websocket["prod"].default_route_settings[0].throttling_rate_limit == 2000
    error_message = "No payload in logs, and a limit."
  }

  assert {
    condition     = aws_lambda_permission.websocket["prod/$connect"].source_arn == "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/$connect" && aws_lambda_permission.websocket["prod/$connect"].function_name == "chat-websocket_connect"
    error_message = "Each route may call its function, and no other."
  }
}

run "http_api" {
  assert {
    condition     = aws_lambda_permission.http.function_name == "chat-api_handler" && aws_lambda_permission.http.principal == "apigateway.amazonaws.com" && aws_lambda_permission.http.source_arn == "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/*/*"
    error_message = "This API may call its function."
  }

  assert {
    condition     = aws_apigatewayv2_stage.http.default_route_settings[0].throttling_rate_limit == 1000 && alltrue([for route in aws_apigatewayv2_route.http : route.target == "integrations/${aws_apigatewayv2_integration.http.id}"])
    error_message = "A limit, and a function behind each route."
  }

  assert {
    condition     = aws_apigatewayv2_integration.http.payload_format_version == "1.0"
    error_message = "Chalice understands no other payload."
  }

  assert {
    condition     = alltrue([for route in ["GET /v1/health", "POST /v1/rooms/{room_id}/messages", "GET /socket.io", "POST /socket.io"] : contains(keys(aws_apigatewayv2_route.http), route)]) && !anytrue([for route in keys(aws_apigatewayv2_route.http) : endswith(route, "/")])
    error_message = "Chalice's routes; API Gateway refuses one that ends in a slash."
  }

  assert {
    condition     = !strcontains(aws_apigatewayv2_stage.http.access_log_settings[0].format, "messageString") && aws_cloudwatch_log_group.http.name == "/aws/vendedlogs/apigateway/chat/http"
    error_message = "JSON lines, in a group that needs no line in the account's resource policy."
  }

  assert {
    condition     = aws_apigatewayv2_stage.http.default_route_settings[0].detailed_metrics_enabled == false
    error_message = "Metrics by route cost, and nothing reads them."
  }
}

run "pages_of_other_origins" {
  variables {
    cors_origins = ["https://chat.example.com", "https://www.example.com"]
  }

  assert {
    condition     = output.environment.TIDINGS_ALLOWED_ORIGINS == "https://chat.example.com,https://www.example.com"
    error_message = "The function itself answers preflights."
  }
}

run "origins_that_the_functions_would_refuse" {
  command = plan

  variables {
    cors_origins = ["https://Chat.example.com"]
  }

  expect_failures = [var.cors_origins]
}

run "one_quota_is_shared_out" {
  state_key = "one_quota_is_shared_out"

  variables {
    gateway_requests_per_s = 30000
    gateway_shares         = { posts = 0.5, frames = 0.3, http = 0.2 }
    shards                 = 3
  }

  assert {
    condition     = output.environment.TIDINGS_POSTS_PER_S == "15000" && sum([for stage in aws_apigatewayv2_stage.websocket : stage.default_route_settings[0].throttling_rate_limit]) == 9000 && aws_apigatewayv2_stage.http.default_route_settings[0].throttling_rate_limit == 6000
    error_message = "Posts, frames of all shards and HTTP are together what the deployment may use."
  }
}

run "a_smaller_region_has_a_smaller_quota" {
  override_data {
    target = data.aws_region.current
    values = { id = "eu-south-1" }
  }

  assert {
    condition     = output.environment.TIDINGS_POSTS_PER_S == "1750" && aws_apigatewayv2_stage.websocket["prod"].default_route_settings[0].throttling_rate_limit == 500 && aws_apigatewayv2_stage.websocket["prod"].default_route_settings[0].throttling_burst_limit == 250
    error_message = "AWS's default is 2,500 there."
  }
}

run "more_than_all_cannot_be_shared_out" {
  command = plan

  variables {
    gateway_shares = { posts = 0.7, frames = 0.3, http = 0.1 }
  }

  expect_failures = [var.gateway_shares]
}
